// Package machine says where measurements come from: the hardware, the system, what else it was doing.
package machine

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Describe returns a line each on the machine, its system and the file system of dir, how this program was built, and
// the revision of middb.
func Describe(dir string) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	cpu := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		cpu = fieldOf(string(text), "model name")
	}
	mem := uint64(0)
	if fields, err := ProcFields("/proc/meminfo"); err == nil {
		mem = fields["MemTotal"] << 10
	}
	add("%s, %d CPUs, GOMAXPROCS %d, %.1f GiB of memory", cpu, runtime.NumCPU(), runtime.GOMAXPROCS(0), float64(mem)/(1<<30))
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		add("%s %s, %s, %s", unix.ByteSliceToString(name.Sysname[:]), unix.ByteSliceToString(name.Release[:]), runtime.GOARCH, fileSystem(dir))
	}
	cgo := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "CGO_ENABLED" {
				cgo = s.Value
			}
		}
	}
	add("%s, CGO_ENABLED=%s, GOGC=%s, GOMEMLIMIT=%s", runtime.Version(), cgo,
		orDefault(os.Getenv("GOGC"), "100"), orDefault(os.Getenv("GOMEMLIMIT"), "off"))
	if rev, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		add("middb at %s", strings.TrimSpace(string(rev)))
	}
	return lines
}

func fieldOf(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

// fileSystem names the file system that dir is on, for a database in memory is another matter.
func fileSystem(dir string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "unknown file system"
	}
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
	}
	if n, ok := names[int64(st.Type)]; ok { //nolint:unconvert // it is narrower on 32-bit machines
		return n
	}
	return fmt.Sprintf("file system %#x", st.Type)
}

// LoadAverage returns the load of the last minutes: a machine that was busy with something else
// gives other numbers.
func LoadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// ProcFields reads the "name: number" lines of a file in /proc; a unit after the number is dropped.
func ProcFields(path string) (map[string]uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read process counters: %w", err)
	}
	fields := make(map[string]uint64)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		words := strings.Fields(rest)
		if !ok || len(words) == 0 {
			continue
		}
		if n, err := strconv.ParseUint(words[0], 10, 64); err == nil {
			fields[name] = n
		}
	}
	return fields, nil
}
