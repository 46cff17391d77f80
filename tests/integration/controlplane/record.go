package controlplane

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// Request is one DiscoveryRequest or DeltaDiscoveryRequest, as it came.
type Request struct {
	Stream  int // of Streams()
	At      time.Time
	Type    string // type URL
	Delta   bool
	Node    *core.Node        // nil: none
	Names   []string          // resource_names, or resource_names_subscribe
	Removed []string          // resource_names_unsubscribe
	Version string            // version_info: state of the world only
	Initial map[string]string // initial_resource_versions: incremental only
	Nonce   string            // response_nonce
	Error   string            // error_detail.message of a NACK
	Code    int32             // error_detail.code of a NACK
}

// IsNACK tells whether it refuses a response.
func (r Request) IsNACK() bool { return r.Code != 0 || r.Error != "" }

// First tells whether it answers no response: the first of its type on a stream.
func (r Request) First() bool { return r.Nonce == "" }

func (r Request) String() string {
	out := fmt.Sprintf("stream %d %s names=%v", r.Stream, short(r.Type), r.Names)
	if len(r.Removed) > 0 {
		out += fmt.Sprintf(" removed=%v", r.Removed)
	}
	if r.Delta {
		out += fmt.Sprintf(" initial=%v", slices.Sorted(maps.Keys(r.Initial)))
	} else {
		out += fmt.Sprintf(" version=%q", r.Version)
	}
	out += fmt.Sprintf(" nonce=%q node=%t", r.Nonce, r.Node != nil)
	if r.IsNACK() {
		out += fmt.Sprintf(" NACK %d %q", r.Code, r.Error)
	}
	return out
}

// Response is one response that was sent.
type Response struct {
	Stream  int
	At      time.Time
	Type    string
	Version string   // version_info, or system_version_info
	Names   []string // of resources, where they are told (incremental)
	Removed []string
	Nonce   string
}

// Stream is one call.
type Stream struct {
	Method string // "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
	Remote string // address of the client's end of the connection
	Opened time.Time
	Closed time.Time           // zero: it is open
	Peer   []*x509.Certificate // the client's certificates
	Header map[string][]string // metadata
}

type record struct {
	mutex       sync.Mutex
	changed     chan struct{} // closed and replaced with each change
	requests    []Request
	responses   []Response
	streams     []Stream
	connections []time.Time
}

func (r *record) add(change func()) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
}

// Requests is all that came so far, in order.
func (s *Server) Requests() []Request {
	s.record.mutex.Lock()
	defer s.record.mutex.Unlock()
	return slices.Clone(s.record.requests)
}

// RequestsOf is what came so far for one type.
func (s *Server) RequestsOf(typeURL string) []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return r.Type != typeURL })
}

// Responses is all that was sent so far.
func (s *Server) Responses() []Response {
	s.record.mutex.Lock()
	defer s.record.mutex.Unlock()
	return slices.Clone(s.record.responses)
}

// Streams is every stream there has been.
func (s *Server) Streams() []Stream {
	s.record.mutex.Lock()
	defer s.record.mutex.Unlock()
	return slices.Clone(s.record.streams)
}

// Connections is when each connection was accepted; those count, too, that a Manner has ended at once.
func (s *Server) Connections() []time.Time {
	s.record.mutex.Lock()
	defer s.record.mutex.Unlock()
	return slices.Clone(s.record.connections)
}

// Forget empties the record of requests, responses and connections (streams keep their numbers).
func (s *Server) Forget() {
	s.record.add(func() { s.record.requests, s.record.responses, s.record.connections = nil, nil, nil })
}

// Await is the first recorded request that `is` takes, waiting for it until the context ends.
func (s *Server) Await(ctx context.Context, is func(Request) bool) (Request, error) {
	for {
		s.record.mutex.Lock()
		at := slices.IndexFunc(s.record.requests, is)
		if at >= 0 {
			defer s.record.mutex.Unlock()
			return s.record.requests[at], nil
		}
		changed := s.record.changed
		s.record.mutex.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Request{}, fmt.Errorf("no such request among:\n%s", s.Dump())
		}
	}
}

// AwaitConnections waits until there were n of them.
func (s *Server) AwaitConnections(ctx context.Context, n int) ([]time.Time, error) {
	for {
		s.record.mutex.Lock()
		all, changed := slices.Clone(s.record.connections), s.record.changed
		s.record.mutex.Unlock()
		if len(all) >= n {
			return all, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return all, fmt.Errorf("%d connections, expected %d", len(all), n)
		}
	}
}

// Dump is the record as text: for the messages of tests.
func (s *Server) Dump() string {
	var out strings.Builder
	for _, request := range s.Requests() {
		fmt.Fprintln(&out, request)
	}
	return out.String()
}

func requestOf(stream int, message any, typeURL string) (Request, bool) {
	out := Request{Stream: stream, At: time.Now()}
	switch m := message.(type) {
	case *discovery.DiscoveryRequest:
		out.Type, out.Node, out.Names, out.Version, out.Nonce = m.TypeUrl, m.Node, slices.Clone(m.ResourceNames), m.VersionInfo, m.ResponseNonce
		out.Error, out.Code = m.GetErrorDetail().GetMessage(), m.GetErrorDetail().GetCode()
	case *discovery.DeltaDiscoveryRequest:
		out.Delta, out.Type, out.Node, out.Names, out.Nonce = true, m.TypeUrl, m.Node, slices.Clone(m.ResourceNamesSubscribe), m.ResponseNonce
		out.Removed, out.Initial = slices.Clone(m.ResourceNamesUnsubscribe), maps.Clone(m.InitialResourceVersions)
		out.Error, out.Code = m.GetErrorDetail().GetMessage(), m.GetErrorDetail().GetCode()
	default:
		return out, false
	}
	if out.Type == "" {
		out.Type = typeURL
	}
	return out, true
}

func responseOf(stream int, message any) (Response, bool) {
	out := Response{Stream: stream, At: time.Now()}
	switch m := message.(type) {
	case *discovery.DiscoveryResponse:
		out.Type, out.Version, out.Nonce = m.TypeUrl, m.VersionInfo, m.Nonce
	case *discovery.DeltaDiscoveryResponse:
		out.Type, out.Version, out.Nonce, out.Removed = m.TypeUrl, m.SystemVersionInfo, m.Nonce, slices.Clone(m.RemovedResources)
		for _, resource := range m.Resources {
			out.Names = append(out.Names, resource.Name)
		}
		slices.Sort(out.Names)
	default:
		return out, false
	}
	return out, true
}
