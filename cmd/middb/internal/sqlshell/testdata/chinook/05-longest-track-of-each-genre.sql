-- The longest track of each genre, ties by name, for genres with many tracks.
SELECT genre, track, artist, minutes
FROM (
  SELECT g.name AS genre, t.name AS track, ar.name AS artist, round(t.milliseconds / 60000.0, 1) AS minutes,
         row_number() OVER (PARTITION BY g.genre_id ORDER BY t.milliseconds DESC, t.name) AS place,
         count(*) OVER (PARTITION BY g.genre_id) AS tracks
  FROM track t JOIN genre g USING (genre_id) LEFT JOIN album al USING (album_id) LEFT JOIN artist ar USING (artist_id)
) AS ranked
WHERE place = 1 AND tracks >= 40
ORDER BY minutes DESC, genre
