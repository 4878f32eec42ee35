-- Sales of each genre, its part of all, and its rank.
SELECT g.name AS genre, count(DISTINCT i.customer_id) AS customers, sum(l.quantity) AS tracks, sum(l.unit_price * l.quantity) AS sales,
       round(100 * sum(l.unit_price * l.quantity) / sum(sum(l.unit_price * l.quantity)) OVER (), 2) AS percent,
       rank() OVER (ORDER BY sum(l.unit_price * l.quantity) DESC) AS place
FROM invoice_line l
JOIN invoice i USING (invoice_id)
JOIN track t ON t.track_id = l.track_id
LEFT JOIN genre g ON g.genre_id = t.genre_id
GROUP BY g.name
HAVING sum(l.quantity) >= 20
ORDER BY sales DESC, genre
