package mosn

import (
	"net"
	"strconv"
	"sync/atomic"
	"time"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// requestInfo answers from the stream info of the proxy. What a filter sets stays with the filters.
type requestInfo struct {
	stream       *stream
	start        time.Time
	received     time.Duration
	response     time.Duration
	finished     time.Duration
	process      time.Duration
	sentBytes    uint64
	recvBytes    uint64
	protocol     api.ProtocolName
	code         int
	answerStatus int // variable x-mosn-status, set by a receiver
	flags        api.ResponseFlag
	health       bool
	upstream     api.HostInfo
	route        api.RouteRule
	local        net.Addr
	remote       net.Addr
	upLocal      string

	kept proxyInfo                 // what it says from the start, if there are access logs
	last atomic.Pointer[proxyInfo] // what it said when the stream ended
}

// proxyInfo is what the proxy knows.
type proxyInfo struct {
	protocol, local, remote, upLocal, upRemote, cluster string
	code                                                int
}

var _ api.RequestInfo = (*requestInfo)(nil)

func newRequestInfo(s *stream) *requestInfo {
	return &requestInfo{stream: s, start: time.Now()}
}

func (i *requestInfo) keepAddresses() {
	from := i.stream.callbacks.StreamInfo()
	i.kept.local, i.kept.remote = from.DownstreamLocalAddress(), from.DownstreamRemoteAddress()
}

// freeze keeps what the proxy knows, which it cannot be asked when the stream is gone. It runs on the
// worker: while a goroutine has the SDK wait for the worker, texts cannot be asked for.
func (i *requestInfo) freeze() {
	from := i.stream.callbacks.StreamInfo()
	last := i.kept
	if i.stream.asking.TryLock() {
		defer i.stream.endAsking()
		last.local, last.remote = from.DownstreamLocalAddress(), from.DownstreamRemoteAddress()
		last.upLocal, _ = from.UpstreamLocalAddress()
		last.upRemote, _ = from.UpstreamRemoteAddress()
		last.cluster, _ = from.UpstreamClusterName()
	}
	last.protocol, _ = from.Protocol()
	if code, ok := from.ResponseCode(); ok {
		last.code = int(code)
	}
	i.last.Store(&last)
}

// text is what the proxy says, or said when the stream ended.
func (i *requestInfo) text(kept func(*proxyInfo) string, ask func(envoyapi.StreamInfo) (string, bool)) string {
	if last := i.last.Load(); last != nil {
		return kept(last)
	}
	defer pardon()
	text, _ := ask(i.stream.callbacks.StreamInfo())
	return text
}

func (i *requestInfo) proxysCode() int {
	if last := i.last.Load(); last != nil {
		return last.code
	}
	defer pardon()
	code, _ := i.stream.callbacks.StreamInfo().ResponseCode()
	return int(code)
}

func (i *requestInfo) cluster() string {
	return i.text(func(last *proxyInfo) string { return last.cluster }, envoyapi.StreamInfo.UpstreamClusterName)
}

func (i *requestInfo) StartTime() time.Time                        { return i.start }
func (i *requestInfo) SetStartTime()                               { i.start = time.Now() }
func (i *requestInfo) RequestReceivedDuration() time.Duration      { return i.received }
func (i *requestInfo) SetRequestReceivedDuration(t time.Time)      { i.received = t.Sub(i.start) }
func (i *requestInfo) ResponseReceivedDuration() time.Duration     { return i.response }
func (i *requestInfo) SetResponseReceivedDuration(t time.Time)     { i.response = t.Sub(i.start) }
func (i *requestInfo) RequestFinishedDuration() time.Duration      { return i.finished }
func (i *requestInfo) SetRequestFinishedDuration(t time.Time)      { i.finished = t.Sub(i.start) }
func (i *requestInfo) SetProcessTimeDuration(d time.Duration)      { i.process = d }
func (i *requestInfo) ProcessTimeDuration() time.Duration          { return i.process }
func (i *requestInfo) BytesSent() uint64                           { return i.sentBytes }
func (i *requestInfo) SetBytesSent(n uint64)                       { i.sentBytes = n }
func (i *requestInfo) BytesReceived() uint64                       { return i.recvBytes }
func (i *requestInfo) SetBytesReceived(n uint64)                   { i.recvBytes = n }
func (i *requestInfo) SetProtocol(p api.ProtocolName)              { i.protocol = p }
func (i *requestInfo) SetResponseCode(code int)                    { i.code = code }
func (i *requestInfo) Duration() time.Duration                     { return time.Since(i.start) }
func (i *requestInfo) GetResponseFlag(flag api.ResponseFlag) bool  { return i.flags&flag != 0 }
func (i *requestInfo) SetResponseFlag(flag api.ResponseFlag)       { i.flags |= flag }
func (i *requestInfo) OnUpstreamHostSelected(host api.HostInfo)    { i.upstream = host }
func (i *requestInfo) SetUpstreamLocalAddress(address string)      { i.upLocal = address }
func (i *requestInfo) IsHealthCheck() bool                         { return i.health }
func (i *requestInfo) SetHealthCheck(isHealthCheck bool)           { i.health = isHealthCheck }
func (i *requestInfo) SetDownstreamLocalAddress(address net.Addr)  { i.local = address }
func (i *requestInfo) SetDownstreamRemoteAddress(address net.Addr) { i.remote = address }
func (i *requestInfo) SetRouteEntry(rule api.RouteRule)            { i.route = rule }

// Protocol is MOSN's name of the request's protocol: Http1 or Http2.
func (i *requestInfo) Protocol() api.ProtocolName {
	if i.protocol != "" {
		return i.protocol
	}
	name := i.text(func(last *proxyInfo) string { return last.protocol }, envoyapi.StreamInfo.Protocol)
	if name == "HTTP/2.0" {
		return http2
	}
	return http1
}

// ResponseCode is the response's status: the proxy's, else that of the response's headers, else what
// a filter has set.
func (i *requestInfo) ResponseCode() int {
	if code := i.proxysCode(); code != 0 {
		return code
	}
	if i.last.Load() != nil {
		return i.code
	}
	if response := i.stream.response(); response != nil {
		if text, ok := response.Get(":status"); ok {
			if code, err := strconv.Atoi(text); err == nil {
				return code
			}
		}
	}
	return i.code
}

func (i *requestInfo) UpstreamLocalAddress() string {
	address := i.text(func(last *proxyInfo) string { return last.upLocal }, envoyapi.StreamInfo.UpstreamLocalAddress)
	if address == "" {
		return i.upLocal
	}
	return address
}

// UpstreamHost is nil until the proxy has chosen a host, which it does after the receiver filters.
func (i *requestInfo) UpstreamHost() api.HostInfo {
	if i.upstream != nil {
		return i.upstream
	}
	address := i.text(func(last *proxyInfo) string { return last.upRemote }, envoyapi.StreamInfo.UpstreamRemoteAddress)
	if address == "" {
		return nil
	}
	return hostInfo(address)
}

func (i *requestInfo) DownstreamLocalAddress() net.Addr {
	if i.local != nil {
		return i.local
	}
	return addressOf(i.text(func(last *proxyInfo) string { return last.local },
		func(from envoyapi.StreamInfo) (string, bool) { return from.DownstreamLocalAddress(), true }))
}

func (i *requestInfo) DownstreamRemoteAddress() net.Addr {
	if i.remote != nil {
		return i.remote
	}
	return addressOf(i.text(func(last *proxyInfo) string { return last.remote },
		func(from envoyapi.StreamInfo) (string, bool) { return from.DownstreamRemoteAddress(), true }))
}

// RouteEntry is what a filter has set, else the route's rule, which is never nil: the proxy does not tell
// whether there is a route.
func (i *requestInfo) RouteEntry() api.RouteRule {
	if i.route != nil {
		return i.route
	}
	return route{i.stream}.RouteRule()
}

func addressOf(text string) net.Addr {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return &net.UnixAddr{Name: text, Net: "unix"}
	}
	number, _ := strconv.Atoi(port)
	return &net.TCPAddr{IP: net.ParseIP(host), Port: number}
}

// hostInfo is an upstream host by its address, which is all that the proxy tells.
type hostInfo string

var _ api.HostInfo = hostInfo("")

func (h hostInfo) Hostname() string                    { return string(h) }
func (h hostInfo) AddressString() string               { return string(h) }
func (hostInfo) Metadata() api.Metadata                { return nil }
func (hostInfo) Weight() uint32                        { return 1 }
func (hostInfo) SupportTLS() bool                      { return false }
func (hostInfo) ClearHealthFlag(api.HealthFlag)        {}
func (hostInfo) ContainHealthFlag(api.HealthFlag) bool { return false }
func (hostInfo) SetHealthFlag(api.HealthFlag)          {}
func (hostInfo) HealthFlag() api.HealthFlag            { return 0 }
func (hostInfo) Health() bool                          { return true }
