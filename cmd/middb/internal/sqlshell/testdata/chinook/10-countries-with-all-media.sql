-- Countries, in thirds by what they buy, and whether they bought of every type of media that was sold anywhere.
WITH sold AS (
  SELECT i.billing_country AS country, t.media_type_id AS media, sum(l.unit_price * l.quantity) AS amount
  FROM invoice i JOIN invoice_line l ON l.invoice_id = i.invoice_id JOIN track t ON t.track_id = l.track_id
  GROUP BY i.billing_country, t.media_type_id
), media AS (SELECT DISTINCT media FROM sold)
SELECT country, sum(amount) AS amount, ntile(3) OVER (ORDER BY sum(amount) DESC, country) AS third, count(*) AS media_types,
       CASE WHEN NOT EXISTS (SELECT media FROM media EXCEPT SELECT s.media FROM sold s WHERE s.country = sold.country) THEN 'all' ELSE 'some' END AS kinds,
       coalesce((SELECT upper(left(m.name, 4)) FROM sold s JOIN media_type m ON m.media_type_id = s.media WHERE s.country = sold.country ORDER BY s.amount DESC, m.name LIMIT 1), '-') AS favourite
FROM sold GROUP BY country
ORDER BY amount DESC, country
