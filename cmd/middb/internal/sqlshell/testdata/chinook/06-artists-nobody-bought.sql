-- Artists with two albums or more, of which one at least was never bought from.
SELECT ar.name AS artist, count(*) AS albums,
       count(*) FILTER (WHERE EXISTS (SELECT 1 FROM track t JOIN invoice_line l ON l.track_id = t.track_id WHERE t.album_id = al.album_id)) AS sold,
       string_agg(al.title, '; ' ORDER BY al.title) AS titles
FROM artist ar JOIN album al ON al.artist_id = ar.artist_id
GROUP BY ar.artist_id, ar.name
HAVING count(*) >= 2
   AND count(*) FILTER (WHERE EXISTS (SELECT 1 FROM track t JOIN invoice_line l ON l.track_id = t.track_id WHERE t.album_id = al.album_id)) < count(*)
ORDER BY count(*) DESC, artist
LIMIT 12
