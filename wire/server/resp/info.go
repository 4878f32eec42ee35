package resp

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/engine"
)

func field(name string, value any) [2]string { return [2]string{name, fmt.Sprint(value)} }

// cmdInfo tells of the server, under the names that tools for Redis look for, where they mean the same here.
func cmdInfo(c *conn, args [][]byte) error {
	wanted := map[string]bool{}
	for _, a := range args[1:] {
		wanted[strings.ToLower(string(a))] = true
	}
	all := len(wanted) == 0 || wanted["all"] || wanted["default"] || wanted["everything"]
	var b strings.Builder
	write := func(s Section) {
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("# " + s.Name + "\r\n")
		for _, f := range s.Fields {
			b.WriteString(f[0] + ":" + f[1] + "\r\n")
		}
	}
	for _, s := range infoSections {
		if !all && !wanted[strings.ToLower(s.name)] {
			continue
		}
		fields, err := s.fields(c)
		if err != nil {
			return err
		}
		write(Section{s.name, fields})
	}
	if c.front.options.Info != nil {
		for _, s := range c.front.options.Info() {
			if all || wanted[strings.ToLower(s.Name)] {
				write(s)
			}
		}
	}
	c.out.text(b.String())
	return nil
}

var infoSections = []struct {
	name   string
	fields func(c *conn) ([][2]string, error)
}{
	{"Server", infoServer},
	{"Clients", infoClients},
	{"Memory", infoMemory},
	{"Persistence", infoPersistence},
	{"Stats", infoStats},
	{"Replication", func(*conn) ([][2]string, error) {
		return [][2]string{field("role", "master"), field("connected_slaves", 0)}, nil
	}},
	{"Keyspace", infoKeyspace},
}

func infoServer(c *conn) ([][2]string, error) {
	up := int64(c.now().Sub(c.front.started).Seconds())
	port := ""
	if addr := c.nc.LocalAddr().String(); strings.Contains(addr, ":") {
		port = addr[strings.LastIndexByte(addr, ':')+1:]
	}
	return [][2]string{
		field("redis_version", redisVersion), field("redis_mode", "standalone"), field("middb_version", c.front.options.Version),
		field("os", runtime.GOOS+" "+runtime.GOARCH), field("arch_bits", strconv.IntSize), field("tcp_port", port),
		field("server_time_usec", c.now().UnixMicro()), field("uptime_in_seconds", up), field("uptime_in_days", up/86400),
	}, nil
}

func infoClients(c *conn) ([][2]string, error) {
	return [][2]string{
		field("connected_clients", c.front.Stats().Connections), field("maxclients", c.front.options.Limits.Connections),
		field("blocked_clients", 0),
	}, nil
}

func infoMemory(c *conn) ([][2]string, error) {
	heap := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(heap)
	s := c.front.db.Stats()
	used := int64(heap[0].Value.Uint64()-heap[1].Value.Uint64()) + s.ArenaBytes
	return [][2]string{
		field("used_memory", used), field("used_memory_human", fmt.Sprintf("%.2fM", float64(used)/(1<<20))), field("maxmemory", 0),
		field("maxmemory_policy", "noeviction"), field("memtable_bytes", s.ArenaBytes), field("shared_client_bytes", c.front.shared.used.Load()),
	}, nil
}

func infoPersistence(c *conn) ([][2]string, error) {
	s := c.front.db.Stats()
	status := "ok"
	if s.ReadOnlyFrom != nil {
		status = "err"
	}
	return [][2]string{
		field("loading", 0), field("rdb_bgsave_in_progress", 0), field("rdb_changes_since_last_save", s.LastSeq-min(s.LastSeq, s.DurableSeq)),
		field("rdb_last_bgsave_status", status), field("aof_enabled", 1), field("aof_rewrite_in_progress", 0), field("aof_last_write_status", status),
		field("last_seq", s.LastSeq), field("durable_seq", s.DurableSeq), field("log_bytes", s.LogBytes), field("log_syncs", s.LogSyncs), field("log_sync_usec", s.LogSyncTime.Microseconds()),
	}, nil
}

func infoStats(c *conn) ([][2]string, error) {
	s := c.front.Stats()
	return [][2]string{
		field("total_connections_received", s.Accepted), field("rejected_connections", s.Refused),
		field("total_commands_processed", s.Commands), field("total_error_replies", s.FailedCommands),
		field("total_net_input_bytes", s.BytesIn), field("total_net_output_bytes", s.BytesOut),
		field("keyspace_hits", s.Hits), field("keyspace_misses", s.Misses),
		field("expired_keys", 0), field("evicted_keys", 0), field("pubsub_channels", 0), field("pubsub_patterns", 0),
		field("protocol_errors", s.ProtocolErrors), field("slow_clients_closed", s.SlowClients), field("transaction_retries", s.Retries),
	}, nil
}

func infoKeyspace(c *conn) ([][2]string, error) {
	var fields [][2]string
	err := c.front.existingDatabases(func(n int, ks *engine.Keyspace) error {
		keys, e := c.front.counts.about(c.front, ks)
		if keys > 0 {
			fields = append(fields, field("db"+strconv.Itoa(n), fmt.Sprintf("keys=%d,expires=0,avg_ttl=0", keys)))
		}
		return e
	})
	return fields, err
}

// settings are what CONFIG GET tells: what tools ask for before they begin.
func (c *conn) settings() [][2]string {
	o := &c.front.options
	fsync := "always"
	if o.Durability == engine.NoSync {
		fsync = "everysec"
	}
	return [][2]string{
		field("appendfsync", fsync), field("appendonly", "yes"), field("databases", o.Databases), field("maxclients", o.Limits.Connections),
		field("maxmemory", 0), field("maxmemory-policy", "noeviction"), field("proto-max-bulk-len", o.Limits.CommandBytes),
		field("save", ""), field("timeout", int64(o.Limits.IdleTimeout/time.Second)),
	}
}

func cmdConfig(c *conn, args [][]byte) error {
	switch sub := args[1]; {
	case is(sub, "get") && len(args) >= 3:
		var found [][2]string
		for _, s := range c.settings() {
			for _, p := range args[2:] {
				if pattern(strings.ToLower(string(p))).matches([]byte(s[0])) {
					found = append(found, s)
					break
				}
			}
		}
		c.out.mapping(len(found))
		for _, s := range found {
			c.out.bulkString(s[0])
			c.out.bulkString(s[1])
		}
		return nil
	case is(sub, "help"):
		c.out.help("CONFIG", "GET <pattern>")
		return nil
	default:
		return subcommandError("config", sub, "get")
	}
}
