package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// withAdmin adds an admin address to a bootstrap.
func withAdmin(port int, config string) string {
	return fmt.Sprintf("admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}\n%s", port, config)
}

type adminAnswer struct {
	status int
	header http.Header
	body   string
}

func adminAsk(t *testing.T, client *http.Client, method, url string) adminAnswer {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return adminAnswer{response.StatusCode, response.Header, string(body)}
}

// administered is a proxy with one cluster of one endpoint, and how to ask its admin interface.
type administered struct {
	*moe
	t       *testing.T
	port    int
	admin   int
	backend string
}

func startAdministered(t *testing.T, options ...string) *administered {
	t.Helper()
	a := &administered{t: t, port: freePort(t), admin: freePort(t)}
	a.backend = backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fail" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprint(w, "hello")
	})
	a.moe = start(t, withAdmin(a.admin, httpConfig(a.port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
		[]string{staticCluster("site", "", a.backend)}, options...)), a.port, a.admin)
	return a
}

func (a *administered) get(path string) adminAnswer {
	a.t.Helper()
	return adminAsk(a.t, http.DefaultClient, "GET", url(a.admin, path))
}

func (a *administered) post(path string) adminAnswer {
	a.t.Helper()
	return adminAsk(a.t, http.DefaultClient, "POST", url(a.admin, path))
}

// traffic sends n requests, one after the other.
func (a *administered) traffic(path string, n int) {
	a.t.Helper()
	for i := 0; i < n; i++ {
		adminAsk(a.t, http.DefaultClient, "GET", url(a.port, path))
	}
}

// becomesTrue waits for what moe does after it has answered; `what` describes where it got stuck.
func becomesTrue(t *testing.T, what func() string, condition func() bool) {
	t.Helper()
	eventually(t, func() string {
		if condition() {
			return ""
		}
		return "did not come true: " + what()
	})
}

func adminStats(text string) map[string]string {
	values := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			values[name] = value
		}
	}
	return values
}

func TestAdminReadyAndServerInfo(t *testing.T) {
	a := startAdministered(t)
	// The port accepts before the workers have started.
	becomesTrue(t, func() string { return a.output.String() }, func() bool { return a.get("/ready").status == 200 })
	ready := a.get("/ready")
	if ready.body != "LIVE\n" || ready.header.Get("Cache-Control") != "no-cache, max-age=0" {
		t.Fatalf("%+v", ready)
	}
	var info struct {
		Version            string
		State              string
		CommandLineOptions struct{ Concurrency int } `json:"command_line_options"`
	}
	if err := json.Unmarshal([]byte(a.get("/server_info").body), &info); err != nil {
		t.Fatal(err)
	}
	if info.State != "LIVE" || info.CommandLineOptions.Concurrency != 2 || !strings.HasPrefix(info.Version, "moe/") {
		t.Fatalf("%+v", info)
	}
	var memory map[string]string
	if err := json.Unmarshal([]byte(a.get("/memory").body), &memory); err != nil {
		t.Fatal(err)
	}
	if n, _ := strconv.Atoi(memory["total_physical_bytes"]); n < 1<<20 {
		t.Fatalf("%v", memory)
	}
}

func TestAdminStatsMove(t *testing.T) {
	a := startAdministered(t)
	a.traffic("/", 7)
	a.traffic("/fail", 2)
	var stats map[string]string
	becomesTrue(t, func() string { return fmt.Sprint(stats) }, func() bool {
		stats = adminStats(a.get("/stats").body)
		return stats["http.web.downstream_rq_2xx"] == "7" && stats["http.web.downstream_rq_5xx"] == "2"
	})
	for name, want := range map[string]string{
		"cluster.site.upstream_rq_total":        "9",
		"cluster.site.upstream_rq_2xx":          "7",
		"cluster.site.membership_total":         "1",
		"server.live":                           "1",
		"server.state":                          "0",
		"server.concurrency":                    "2",
		"listener_manager.workers_started":      "1",
		"cluster_manager.active_clusters":       "1",
		"cluster.site.upstream_rq_5xx":          "2",
		"http.web.downstream_rq_total":          "9",
		"cluster.site.upstream_cx_none_healthy": "0",
	} {
		if stats[name] != want {
			t.Errorf("%s: %q, expected %q", name, stats[name], want)
		}
	}
	if !strings.HasPrefix(stats["cluster.site.upstream_rq_time"], "P0(nan,") {
		t.Errorf("%q", stats["cluster.site.upstream_rq_time"])
	}
	// Unescaped, as Istio's agent sends it.
	text := raw(t, a.admin, `GET /stats?usedonly&filter=^(server\.state|listener_manager\.workers_started) HTTP/1.1`+
		"\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasSuffix(text, "\r\n\r\nlistener_manager.workers_started: 1\nserver.state: 0\n") {
		t.Errorf("%q", text)
	}
	var parsed struct {
		Stats []struct {
			Name       string
			Value      int64
			Histograms *struct {
				Computed []struct{ Name string } `json:"computed_quantiles"`
			}
		}
	}
	if err := json.Unmarshal([]byte(a.get("/stats?format=json&filter=upstream_rq_t").body), &parsed); err != nil {
		t.Fatal(err)
	}
	names := map[string]int64{}
	for _, stat := range parsed.Stats {
		names[stat.Name] = stat.Value
	}
	last := parsed.Stats[len(parsed.Stats)-1].Histograms
	if names["cluster.site.upstream_rq_total"] != 9 || last == nil || last.Computed[0].Name != "cluster.site.upstream_rq_time" {
		t.Errorf("%+v", parsed)
	}
}

// --- a strict reader of the Prometheus text format 0.0.4

type sample struct {
	name   string
	labels map[string]string
	value  float64
}

type family struct {
	kind    string
	samples []sample
}

var (
	typeLine   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelPart  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)`)
)

func parsePrometheus(text string) (map[string]*family, error) {
	families := map[string]*family{}
	var current *family
	var name string
	seen := map[string]bool{}
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line does not end")
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if found := typeLine.FindStringSubmatch(line); found != nil {
			name = found[1]
			if families[name] != nil {
				return nil, fmt.Errorf("line %d: family %s again", i+1, name)
			}
			current = &family{kind: found[2]}
			families[name] = current
			continue
		}
		found := sampleLine.FindStringSubmatch(line)
		if found == nil || current == nil {
			return nil, fmt.Errorf("line %d: %q", i+1, line)
		}
		if base := strings.TrimPrefix(found[1], name); base != "" &&
			(current.kind != "histogram" || (base != "_bucket" && base != "_sum" && base != "_count")) {
			return nil, fmt.Errorf("line %d: %s is not of family %s", i+1, found[1], name)
		}
		s := sample{name: found[1], labels: map[string]string{}}
		for rest := found[2]; rest != ""; {
			label := labelPart.FindStringSubmatch(rest)
			if label == nil {
				return nil, fmt.Errorf("line %d: label %q", i+1, rest)
			}
			if _, twice := s.labels[label[1]]; twice {
				return nil, fmt.Errorf("line %d: label %s again", i+1, label[1])
			}
			s.labels[label[1]] = label[2]
			rest = rest[len(label[0]):]
		}
		var err error
		if s.value, err = strconv.ParseFloat(found[3], 64); err != nil {
			return nil, fmt.Errorf("line %d: %v", i+1, err)
		}
		key := fmt.Sprint(s.name, s.labels)
		if seen[key] {
			return nil, fmt.Errorf("line %d: sample %s again", i+1, key)
		}
		seen[key] = true
		current.samples = append(current.samples, s)
	}
	return families, nil
}

func (f *family) value(t *testing.T, name string, labels map[string]string) float64 {
	t.Helper()
	if f != nil {
	next:
		for _, s := range f.samples {
			for key, value := range labels {
				if s.labels[key] != value {
					continue next
				}
			}
			if s.name == name {
				return s.value
			}
		}
	}
	t.Fatalf("no %s%v", name, labels)
	return 0
}

func TestAdminPrometheus(t *testing.T) {
	a := startAdministered(t)
	a.traffic("/", 5)
	var families map[string]*family
	becomesTrue(t, func() string { return fmt.Sprint(families) }, func() bool {
		got := a.get("/stats/prometheus")
		if got.header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
			t.Fatal(got.header)
		}
		var err error
		if families, err = parsePrometheus(got.body); err != nil {
			t.Fatal(err)
		}
		return families["envoy_http_downstream_rq_xx"].value(t, "envoy_http_downstream_rq_xx",
			map[string]string{"envoy_response_code_class": "2", "envoy_http_conn_manager_prefix": "web"}) == 5
	})
	site := map[string]string{"envoy_cluster_name": "site"}
	if got := families["envoy_cluster_upstream_rq_total"].value(t, "envoy_cluster_upstream_rq_total", site); got != 5 {
		t.Errorf("%v requests", got)
	}
	if families["envoy_server_live"].kind != "gauge" || families["envoy_cluster_upstream_rq_total"].kind != "counter" {
		t.Error("kinds")
	}
	const name = "envoy_cluster_upstream_rq_time"
	times := families[name]
	if times == nil || times.kind != "histogram" {
		t.Fatalf("%v", times)
	}
	var bounds []string
	before := 0.0
	for _, s := range times.samples {
		if s.name != name+"_bucket" {
			continue
		}
		bounds = append(bounds, s.labels["le"])
		if s.value < before {
			t.Errorf("bucket %s: %v after %v", s.labels["le"], s.value, before)
		}
		before = s.value
	}
	if got := strings.Join(bounds, " "); got != "0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000 +Inf" {
		t.Errorf("buckets %s", got)
	}
	if count := times.value(t, name+"_count", site); count != before || count != 5 {
		t.Errorf("count %v, last bucket %v", count, before)
	}
	if sum := times.value(t, name+"_sum", site); math.IsNaN(sum) || sum < 0 {
		t.Errorf("sum %v", sum)
	}
}

func TestAdminConfigDump(t *testing.T) {
	a := startAdministered(t)
	var dump struct{ Configs []map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(a.get("/config_dump").body), &dump); err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, config := range dump.Configs {
		var kind string
		if err := json.Unmarshal(config["@type"], &kind); err != nil {
			t.Fatal(err)
		}
		var rest bytes.Buffer
		for key, value := range config {
			if key != "@type" {
				fmt.Fprintf(&rest, "%s=", key)
				if err := json.Compact(&rest, value); err != nil {
					t.Fatal(err)
				}
			}
		}
		parts[strings.TrimPrefix(kind, "type.googleapis.com/envoy.admin.v3.")] = rest.String()
	}
	for part, want := range map[string]string{
		"BootstrapConfigDump": `"static_resources":{"listeners":[{`,
		"ClustersConfigDump":  `static_clusters=[{"cluster":{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"site"`,
		"ListenersConfigDump": `static_listeners=[{"listener":{"@type":"type.googleapis.com/envoy.config.listener.v3.Listener","name":"web"`,
		"RoutesConfigDump":    `static_route_configs=[{"route_config":{"@type":"type.googleapis.com/envoy.config.route.v3.RouteConfiguration","virtual_hosts":[{"name":"all"`,
	} {
		if !strings.Contains(parts[part], want) {
			t.Errorf("%s: %s", part, parts[part])
		}
	}
}

func TestAdminClustersAndListeners(t *testing.T) {
	a := startAdministered(t)
	a.traffic("/", 3)
	var text string
	becomesTrue(t, func() string { return text }, func() bool {
		text = a.get("/clusters").body
		return strings.Contains(text, fmt.Sprintf("site::%s::rq_total::3\n", a.backend)) &&
			strings.Contains(text, fmt.Sprintf("site::%s::rq_active::0\n", a.backend))
	})
	for _, line := range []string{"site::default_priority::max_requests::1024", "site::added_via_api::false",
		fmt.Sprintf("site::%s::health_flags::healthy", a.backend)} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	var clusters struct {
		Statuses []struct {
			Name  string
			Hosts []struct {
				Address struct {
					Socket struct {
						Address string
						Port    int `json:"port_value"`
					} `json:"socket_address"`
				}
			} `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	if err := json.Unmarshal([]byte(a.get("/clusters?format=json").body), &clusters); err != nil {
		t.Fatal(err)
	}
	socket := clusters.Statuses[0].Hosts[0].Address.Socket
	if clusters.Statuses[0].Name != "site" || fmt.Sprintf("%s:%d", socket.Address, socket.Port) != a.backend {
		t.Errorf("%+v", clusters)
	}
	if got := a.get("/listeners").body; got != fmt.Sprintf("web::127.0.0.1:%d\n", a.port) {
		t.Errorf("%q", got)
	}
	if got := a.get("/listeners?format=json").body; !json.Valid([]byte(got)) || !strings.Contains(got, fmt.Sprint(a.port)) {
		t.Errorf("%q", got)
	}
}

func TestAdminRefusesWhatItDoesNotKnow(t *testing.T) {
	a := startAdministered(t)
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/nothing", 404, "  /clusters: "},
		{"GET", "/quitquitquit", 405, "found GET, expected POST"},
		{"GET", "/healthcheck/fail", 405, "found GET, expected POST"},
		{"GET", "/logging?level=debug", 405, "found GET, expected POST"},
		{"POST", "/logging?level=loud", 400, `found "loud", expected trace`},
		{"GET", "/stats?format=xml", 400, `found "xml", expected text`},
		{"GET", "/stats?filter=(", 400, `found "(", expected a regular expression`},
		{"GET", "/stats?colour=red", 400, `found parameter "colour", expected any of: filter`},
		{"GET", "/config_dump?resource=static_listeners", 400, `found parameter "resource"`},
	} {
		got := adminAsk(t, http.DefaultClient, c.method, url(a.admin, c.path))
		if got.status != c.status || !strings.Contains(got.body, c.body) {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
		}
		if c.status == 405 && got.header.Get("Allow") != "POST" {
			t.Errorf("%s %s: %v", c.method, c.path, got.header)
		}
	}
	if got := a.get("/ready"); got.status != 200 {
		t.Errorf("%+v", got)
	}
}

func TestAdminLogLevel(t *testing.T) {
	a := startAdministered(t)
	if got := a.get("/logging"); got.body != "active loggers:\n  moe: info\n" {
		t.Fatalf("%+v", got)
	}
	if got := a.post("/logging?level=debug"); got.body != "active loggers:\n  moe: debug\n" {
		t.Fatalf("%+v", got)
	}
}

func TestAdminConnections(t *testing.T) {
	a := startAdministered(t)
	for name, c := range map[string]struct{ request, want string }{
		"HTTP/1.0": {"GET /ready HTTP/1.0\r\n\r\n", "LIVE\n"},
		"HEAD":     {"HEAD /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "\r\n\r\n"},
		"pipelined": {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nPOST /logging HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" +
			"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "LIVE\n"},
		"upgrade":   {"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", "LIVE\n"},
		"no host":   {"GET /ready HTTP/1.1\r\n\r\n", "Bad Request"},
		"not HTTP":  {"hello\r\n\r\n", "Bad Request"},
		"CONNECT":   {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "expected GET or POST\n"},
		"huge body": {"POST /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("x", 70000), "found a body over 65536 bytes\n"},
		"chunked":   {"POST /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "LIVE\n"},
	} {
		if got := raw(t, a.admin, c.request); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAdminOnUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	port := freePort(t)
	config := fmt.Sprintf("admin: {address: {pipe: {path: %s}}}\n%s", path, httpConfig(port, []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil))
	start(t, config, port)
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) }}}
	defer client.CloseIdleConnections()
	eventually(t, func() string { // the port accepts before the admin interface does
		if _, err := os.Stat(path); err != nil {
			return err.Error()
		}
		return ""
	})
	if got := adminAsk(t, client, "GET", "http://moe/listeners"); got.status != 200 || !strings.HasPrefix(got.body, "web::") {
		t.Fatalf("%+v", got)
	}
}

func TestAdminQuitEndsWell(t *testing.T) {
	a := startAdministered(t)
	becomesTrue(t, func() string { return a.output.String() }, func() bool { return a.get("/ready").status == 200 })
	if got := a.post("/quitquitquit"); got.body != "OK\n" {
		t.Fatalf("%+v", got)
	}
	http.DefaultClient.CloseIdleConnections()
	select {
	case err := <-a.done:
		a.done <- err
		if err != nil {
			t.Fatalf("%v:\n%s", err, a.output)
		}
	case <-time.After(deadline):
		t.Fatalf("moe did not end:\n%s", a.output)
	}
}

// While connections end, the admin interface says so.
func TestAdminIsDrainingAfterSIGTERM(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{})
	port, admin := freePort(t), freePort(t)
	site := backend(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
	})
	m := start(t, withAdmin(admin, httpConfig(port, []string{"{match: {prefix: /}, route: {cluster: site}}"},
		[]string{staticCluster("site", "", site)})), port, admin)
	status := make(chan int, 1)
	go func() {
		response, err := http.Get(url(port, "/"))
		if err != nil {
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	<-arrived
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	var got adminAnswer
	becomesTrue(t, func() string { return fmt.Sprintf("%+v", got) }, func() bool {
		got = adminAsk(t, http.DefaultClient, "GET", url(admin, "/ready"))
		return got.status == 503 && got.body == "DRAINING\n"
	})
	stats := adminStats(adminAsk(t, http.DefaultClient, "GET", url(admin, "/stats?filter=^server")).body)
	if stats["server.live"] != "0" || stats["server.state"] != "1" {
		t.Errorf("%v", stats)
	}
	close(release)
	if code := <-status; code != 200 {
		t.Errorf("the request in flight: %d", code)
	}
	select {
	case err := <-m.done:
		m.done <- err
	case <-time.After(deadline):
		t.Fatalf("moe did not end:\n%s", m.output)
	}
}

func TestAdminAddressInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	number, _ := strconv.Atoi(port)
	file := filepath.Join(t.TempDir(), "bootstrap.yaml")
	config := withAdmin(number, httpConfig(freePort(t), []string{"{match: {prefix: /}, direct_response: {status: 200}}"}, nil))
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	output, err := exec.CommandContext(ctx, binary(t), "-c", file, "--concurrency", "1").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "bootstrap.yaml:1:") || !strings.Contains(string(output), "admin.address: ") ||
		!strings.Contains(string(output), "Address already in use") {
		t.Fatalf("%v: %s", err, output)
	}
}
