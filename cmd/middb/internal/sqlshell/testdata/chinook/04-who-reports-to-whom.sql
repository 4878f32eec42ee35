-- The staff as a tree, with how long it took to hire each after the first one.
WITH RECURSIVE staff (employee_id, name, title, path, level, hire_date) AS (
  SELECT employee_id, first_name || ' ' || last_name, title, CAST(last_name AS text), 0, hire_date FROM employee WHERE reports_to IS NULL
  UNION ALL
  SELECT e.employee_id, e.first_name || ' ' || e.last_name, e.title, s.path || '/' || e.last_name, s.level + 1, e.hire_date
  FROM employee e JOIN staff s ON e.reports_to = s.employee_id
)
SELECT repeat('  ', level) || name AS name, title, level, path, to_char(hire_date, 'YYYY-MM-DD') AS hired,
       (CAST(hire_date AS date) - (SELECT min(CAST(hire_date AS date)) FROM employee)) AS days_after_first
FROM staff ORDER BY path
