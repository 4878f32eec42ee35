-- Invoices by year and quarter, with the sum so far and the change against the quarter before.
SELECT extract(year FROM invoice_date)::int AS year, extract(quarter FROM invoice_date)::int AS quarter, count(*) AS invoices, sum(total) AS sales,
       sum(sum(total)) OVER (PARTITION BY extract(year FROM invoice_date) ORDER BY extract(quarter FROM invoice_date)) AS so_far,
       sum(total) - lag(sum(total)) OVER (ORDER BY extract(year FROM invoice_date), extract(quarter FROM invoice_date)) AS change
FROM invoice
GROUP BY extract(year FROM invoice_date), extract(quarter FROM invoice_date)
ORDER BY 1, 2
