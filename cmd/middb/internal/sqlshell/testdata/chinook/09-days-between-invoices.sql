-- The longest pauses of customers between two invoices, and the weekday after it.
SELECT customer, pause, before, after, weekday
FROM (
  SELECT c.last_name || ', ' || c.first_name AS customer,
         CAST(i.invoice_date AS date) - CAST(lag(i.invoice_date) OVER w AS date) AS pause,
         to_char(lag(i.invoice_date) OVER w, 'YYYY-MM-DD') AS before,
         to_char(i.invoice_date, 'YYYY-MM-DD') AS after,
         to_char(date_trunc('week', i.invoice_date), 'YYYY-MM-DD') AS week,
         extract(isodow FROM i.invoice_date)::int AS weekday
  FROM invoice i JOIN customer c ON c.customer_id = i.customer_id
  WINDOW w AS (PARTITION BY c.customer_id ORDER BY i.invoice_date, i.invoice_id)
) AS pauses
WHERE pause IS NOT NULL AND after <> week
ORDER BY pause DESC, customer
LIMIT 15
