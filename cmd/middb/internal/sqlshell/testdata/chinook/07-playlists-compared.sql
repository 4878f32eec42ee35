-- How much pairs of playlists have in common.
WITH sized AS (SELECT playlist_id, count(*) AS n FROM playlist_track GROUP BY playlist_id HAVING count(*) BETWEEN 2 AND 1500)
SELECT a.name || ' #' || a.playlist_id AS first, b.name || ' #' || b.playlist_id AS second, sa.n AS tracks, sb.n AS other_tracks, count(*) AS shared
FROM playlist_track x
JOIN playlist_track y ON y.track_id = x.track_id AND y.playlist_id > x.playlist_id
JOIN playlist a ON a.playlist_id = x.playlist_id
JOIN playlist b ON b.playlist_id = y.playlist_id
JOIN sized sa ON sa.playlist_id = a.playlist_id
JOIN sized sb ON sb.playlist_id = b.playlist_id
GROUP BY a.name, a.playlist_id, b.name, b.playlist_id, sa.n, sb.n
HAVING count(*) > 10
ORDER BY shared DESC, first, second
LIMIT 15
