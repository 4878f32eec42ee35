-- What the customers of each support rep buy, the best of them, and those without a company.
SELECT e.first_name || ' ' || e.last_name AS rep, count(DISTINCT c.customer_id) AS customers, sum(i.total) AS sales, round(avg(i.total), 2) AS usual,
       count(DISTINCT c.country) AS countries, count(DISTINCT CASE WHEN c.company IS NULL THEN c.customer_id END) AS people,
       (SELECT best.first_name || ' ' || best.last_name FROM customer best JOIN invoice bi ON bi.customer_id = best.customer_id
        WHERE best.support_rep_id = e.employee_id GROUP BY best.customer_id, best.first_name, best.last_name
        ORDER BY sum(bi.total) DESC, best.customer_id LIMIT 1) AS best_customer
FROM employee e
LEFT JOIN customer c ON c.support_rep_id = e.employee_id
LEFT JOIN invoice i ON i.customer_id = c.customer_id
GROUP BY e.employee_id, e.first_name, e.last_name
ORDER BY sales DESC NULLS LAST, rep
