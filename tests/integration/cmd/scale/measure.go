package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/moeproxy/moe/tests/integration/controlplane"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

const patience = 5 * time.Minute

// result of one proxy on one way.
type result struct {
	ready, cpu    time.Duration   // since the process began
	memory, after float64         // MiB, resident
	change        time.Duration   // CPU time of one
	acks, seen    []time.Duration // sorted
}

func middle(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	return of[len(of)/2]
}
func last(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	return of[len(of)-1]
}

// run is a proxy and its control plane.
type run struct {
	plane *controlplane.Server
	proxy *process
	port  int // of its first listener
	admin int
	first []string // addresses of the first cluster's endpoints
	hosts int      // where they listen
	state int      // how often they changed
}

func measure(program, way string, of size, changes int) (*result, error) {
	r := &run{}
	listener, err := backend()
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	r.hosts = listener.Addr().(*net.TCPAddr).Port
	for k := range of.endpoints {
		r.first = append(r.first, fmt.Sprintf("127.0.0.%d", k+1))
	}
	if r.plane, err = controlplane.Start(controlplane.Options{}); err != nil {
		return nil, err
	}
	defer r.plane.Close()
	if r.port, err = freePort(); err != nil {
		return nil, err
	}
	if r.admin, err = freePort(); err != nil {
		return nil, err
	}
	if err := r.plane.Set(snapshot(of, r.port, endpointsOf(clusterName(0), r.hosts, r.first))...); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "scale")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if r.proxy, err = startProcess(folder, program, r.bootstrap(way)); err != nil {
		return nil, err
	}
	defer r.proxy.stop()
	out, err := r.begin(of)
	if err != nil {
		return nil, err
	}
	if way == "sotw" {
		r.plane.Rewrite(only(clusterName(0)))
	}
	if err := r.changes(changes, out); err != nil {
		return nil, err
	}
	out.after = r.proxy.resident()
	return out, nil
}

// begin waits until it serves, and for its memory to come to rest.
func (r *run) begin(of size) (*result, error) {
	for ; ; time.Sleep(5 * time.Millisecond) {
		if err := r.proxy.ended(); err != nil {
			return nil, err
		}
		if status, _, _ := get(r.admin, "/ready"); status == http.StatusOK {
			break
		}
		if time.Since(r.proxy.began) > patience {
			return nil, fmt.Errorf("it is not ready\n%s", r.plane.Dump()[:2000])
		}
	}
	out := &result{ready: time.Since(r.proxy.began), cpu: r.proxy.cpu()}
	for before := 0.0; ; {
		time.Sleep(time.Second)
		if out.memory = r.proxy.resident(); out.memory == before {
			break
		}
		before = out.memory
	}
	for name, expected := range map[string]int{"cluster_manager.active_clusters": of.clusters + 1, "listener_manager.total_listeners_active": of.listeners} {
		_, body, err := get(r.admin, "/stats?filter=^"+name+"$")
		if found := fmt.Sprintf("%s: %d", name, expected); err != nil || strings.TrimSpace(body) != found {
			return nil, fmt.Errorf("found %q (%v), expected %q\n%s", body, err, found, bytes.TrimSpace(r.proxy.output.Bytes()))
		}
	}
	return out, nil
}

// changes takes CPU time with nothing else to do; then a client asks until it sees each of some more.
func (r *run) changes(n int, out *result) error {
	var spent time.Duration
	for range n {
		before := r.proxy.cpu()
		sent, err := r.change()
		if err != nil {
			return err
		}
		acked, err := r.acked(sent)
		if err != nil {
			return err
		}
		out.acks = append(out.acks, acked.Sub(sent.At))
		time.Sleep(5 * time.Millisecond) // the workers, too
		spent += r.proxy.cpu() - before
	}
	out.change = spent / time.Duration(n)
	for range n / 4 {
		sent, err := r.change()
		if err != nil {
			return err
		}
		for want := r.address(); ; {
			status, body, err := get(r.port, "/")
			if err != nil || status != http.StatusOK {
				return fmt.Errorf("a request: %d %v", status, err)
			}
			if body == want {
				break
			}
		}
		out.seen = append(out.seen, time.Since(sent.At))
	}
	slices.Sort(out.acks)
	slices.Sort(out.seen)
	return nil
}

// address that the next or the last change brings.
func (r *run) address() string { return fmt.Sprintf("127.0.1.%d", r.state%250+1) }

// change replaces the last endpoint of the first cluster; gives what was sent.
func (r *run) change() (controlplane.Response, error) {
	r.state++
	r.plane.Forget()
	before := len(r.plane.Responses())
	assignment := endpointsOf(clusterName(0), r.hosts, append(slices.Clone(r.first[:len(r.first)-1]), r.address()))
	if err := r.plane.Put(assignment); err != nil {
		return controlplane.Response{}, err
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(100 * time.Microsecond) {
		for _, response := range r.plane.Responses()[before:] {
			if response.Type == controlplane.Endpoints {
				return response, nil
			}
		}
	}
	return controlplane.Response{}, fmt.Errorf("the control plane says nothing")
}

func (r *run) acked(sent controlplane.Response) (time.Time, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := r.plane.Await(ctx, func(q controlplane.Request) bool { return q.Nonce == sent.Nonce && q.Type == controlplane.Endpoints })
	if err == nil && request.IsNACK() {
		err = fmt.Errorf("refused: %s", request.Error)
	}
	return request.At, err
}

// only leaves other endpoints than those of a cluster out of responses.
func only(cluster string) func(proto.Message) any {
	start := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), cluster)
	return func(message proto.Message) any {
		if response, ok := message.(*discovery.DiscoveryResponse); ok && response.TypeUrl == controlplane.Endpoints {
			response.Resources = slices.DeleteFunc(response.Resources, func(each *anypb.Any) bool { return !bytes.HasPrefix(each.Value, start) })
		}
		return message
	}
}

// backend answers with the address that it was reached by.
func backend() (net.Listener, error) {
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		host, _, _ := net.SplitHostPort(request.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
		fmt.Fprint(w, host)
	})}
	go func() { _ = server.Serve(listener) }()
	return listener, nil
}

var next atomic.Int32

// freePort is below those that the system gives to clients.
func freePort() (int, error) {
	for range 1000 {
		port := 12000 + (os.Getpid()*37+int(next.Add(1)))%18000
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no free port")
}

func get(port int, path string) (int, string, error) {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func (r *run) bootstrap(way string) string {
	api := "GRPC"
	if way == "delta" {
		api = "DELTA_GRPC"
	}
	return fmt.Sprintf(`node: {id: test-id, cluster: test-cluster}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}
dynamic_resources:
  ads_config: {api_type: %s, transport_api_version: V3, set_node_on_first_message_only: true, grpc_services: [{envoy_grpc: {cluster_name: control_plane}}]}
  cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
  lds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s}
static_resources:
  clusters:
  - name: control_plane
    type: STATIC
    connect_timeout: 5s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: control_plane
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}}]}]
`, r.admin, api, r.plane.Port())
}
