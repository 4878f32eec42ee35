-- Customers who spend more than 1.1 times what is usual in their country.
WITH spent AS (
  SELECT c.customer_id, c.first_name || ' ' || c.last_name AS customer, c.country, sum(i.total) AS total
  FROM customer c JOIN invoice i ON i.customer_id = c.customer_id
  GROUP BY c.customer_id, c.first_name, c.last_name, c.country
)
SELECT customer, country, total, round(avg_total, 2) AS usual
FROM spent JOIN (SELECT country AS land, avg(total) AS avg_total, count(*) AS n FROM spent GROUP BY country) AS lands ON land = country
WHERE n > 1 AND total > 1.1 * avg_total
ORDER BY country, total DESC, customer
