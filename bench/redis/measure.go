package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A measurement is what one run of a client program found.
type measurement struct {
	Rate float64 // requests a second
	P50  float64 // milliseconds
	P99  float64
	CPU  float64 // microseconds of the server's processor time a request
}

//go:embed get.py
var getProgram string

// measure runs a row against a server with so many requests.
func (c config) measure(ctx context.Context, r row, s *server, requests int) (m measurement, err error) {
	before, err := s.cpu()
	if err != nil {
		return m, err
	}
	if r.command == "" {
		m, err = c.python3(ctx, s, requests)
	} else {
		m, err = c.redisBenchmark(ctx, r, s, requests)
	}
	if err != nil {
		return m, fmt.Errorf("%s against %s: %w", r.title, s.name, err)
	}
	after, err := s.cpu()
	m.CPU = float64(after-before) / float64(time.Microsecond) / float64(requests)
	return m, err
}

func (c config) redisBenchmark(ctx context.Context, r row, s *server, requests int) (measurement, error) {
	host, port, err := net.SplitHostPort(s.resp)
	if err != nil {
		return measurement{}, err
	}
	out, err := output(exec.CommandContext(ctx, "redis-benchmark", append([]string{"-h", host, "-p", port}, r.arguments(c, requests)...)...))
	if err != nil {
		return measurement{}, err
	}
	return parseBenchmark(out)
}

// python3 runs get.py, with redis-py against Redis and with middb's package against middb.
func (c config) python3(ctx context.Context, s *server, requests int) (measurement, error) {
	url := "redis://" + s.resp
	if s.native != "" {
		url = "middb://" + s.native
	}
	cmd := exec.CommandContext(ctx, c.python, "-", url, strconv.Itoa(requests), strconv.Itoa(c.keys), strconv.Itoa(c.valueBytes))
	cmd.Stdin = strings.NewReader(getProgram)
	out, err := output(cmd)
	if err != nil {
		return measurement{}, err
	}
	return parsePython(out)
}

// output runs a program and returns what it prints. If it fails, the error has what it complained of.
func output(cmd *exec.Cmd) (string, error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", cmd.Args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// parseBenchmark reads what redis-benchmark --csv prints: a head that names the columns, and one line.
func parseBenchmark(out string) (m measurement, err error) {
	lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		return m, fmt.Errorf("read the output of redis-benchmark: %w: %q", err, out)
	}
	if len(lines) != 2 {
		return m, fmt.Errorf("redis-benchmark printed %d lines, not a head and one test: %q", len(lines), out)
	}
	column := map[string]string{}
	for i, name := range lines[0] {
		column[name] = lines[1][i]
	}
	var errs []error
	read := func(name string) float64 {
		v, err := strconv.ParseFloat(column[name], 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("redis-benchmark printed no %s: %q", name, out))
		}
		return v
	}
	m = measurement{Rate: read("rps"), P50: read("p50_latency_ms"), P99: read("p99_latency_ms")}
	if m.Rate <= 0 {
		errs = append(errs, fmt.Errorf("redis-benchmark measured nothing: %q", out))
	}
	return m, errors.Join(errs...)
}

// parsePython reads what get.py prints: one JSON object.
func parsePython(out string) (m measurement, err error) {
	var printed struct {
		Rate float64 `json:"rate"`
		P50  float64 `json:"p50_ms"`
		P99  float64 `json:"p99_ms"`
	}
	if err = json.Unmarshal([]byte(out), &printed); err != nil {
		return m, fmt.Errorf("read the output of get.py: %w: %q", err, out)
	}
	if printed.Rate <= 0 {
		return m, fmt.Errorf("get.py measured nothing: %q", out)
	}
	return measurement{Rate: printed.Rate, P50: printed.P50, P99: printed.P99}, nil
}
