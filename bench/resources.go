package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/middb/middb/bench/machine"
)

// epoch is what now counts from. Its monotonic reading makes [time.Since] a single clock read.
var epoch = time.Now()

// now returns nanoseconds of the monotonic clock. It is called twice per measured operation; the
// report states what a call costs on this machine.
func now() int64 { return int64(time.Since(epoch)) }

// clockCost measures what a call of now costs, in nanoseconds.
func clockCost() float64 {
	const calls = 1 << 17
	start := now()
	for range calls - 1 {
		now()
	}
	return float64(now()-start) / calls
}

// A usage is what the process has consumed so far; two of them bracket a measurement.
type usage struct {
	cpu        time.Duration // user and system time of all threads
	allocs     uint64        // objects allocated on the Go heap
	allocBytes uint64
	written    uint64 // bytes that had to go to storage: write_bytes of /proc/self/io
	wrote      uint64 // bytes given to write calls: wchar of the same
	read       uint64 // bytes fetched from storage: read_bytes
}

func currentUsage() (usage, error) {
	var u usage
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, fmt.Errorf("getrusage: %w", err)
	}
	u.cpu = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.allocs, u.allocBytes = m.Mallocs, m.TotalAlloc
	io, err := machine.ProcFields("/proc/self/io")
	if err != nil {
		return u, err
	}
	u.written, u.wrote, u.read = io["write_bytes"], io["wchar"], io["read_bytes"]
	return u, nil
}

// resetPeak makes the kernel forget the peak of the resident set: it restarts at what is resident
// now.
func resetPeak() error {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return fmt.Errorf("reset peak of resident memory: %w", err)
	}
	return nil
}

// peakResident returns the greatest resident set since resetPeak, in bytes. Pages of mapped files
// count, so engines that map their files show the page cache they touched.
func peakResident() (uint64, error) {
	status, err := machine.ProcFields("/proc/self/status")
	if err != nil {
		return 0, err
	}
	return status["VmHWM"] << 10, nil
}

// diskUsage returns the bytes allocated to the files under dir. Allocated, not apparent: some
// engines make sparse files, others allocate ahead of what they write.
func diskUsage(dir string) (uint64, error) {
	var total uint64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			total += uint64(st.Blocks) * 512
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("size of database: %w", err)
	}
	return total, nil
}

// copyTree copies the files under from to a new directory to, leaving holes where blocks are zero.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return copyFile(path, target)
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	buf, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); at < info.Size(); {
		n, err := in.ReadAt(buf[:min(int64(len(buf)), info.Size()-at)], at)
		if n == 0 {
			return fmt.Errorf("copy %s: %w", filepath.Base(from), err)
		}
		if !bytes.Equal(buf[:n], zero[:n]) {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
	}
	return out.Truncate(info.Size())
}
