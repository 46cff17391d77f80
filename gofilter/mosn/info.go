package mosn

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// requestInfo answers from the stream info of the proxy. What a filter sets stays with the filters.
type requestInfo struct {
	callbacks envoyapi.FilterCallbackHandler
	start     time.Time
	received  time.Duration
	response  time.Duration
	finished  time.Duration
	process   time.Duration
	sentBytes uint64
	recvBytes uint64
	protocol  api.ProtocolName
	code      int
	flags     api.ResponseFlag
	health    bool
	upstream  api.HostInfo
	route     api.RouteRule
	addresses struct{ local, remote net.Addr }
	upLocal   string
}

var _ api.RequestInfo = (*requestInfo)(nil)

func newRequestInfo(callbacks envoyapi.FilterCallbackHandler) *requestInfo {
	return &requestInfo{callbacks: callbacks, start: time.Now()}
}

func (i *requestInfo) info() envoyapi.StreamInfo { return i.callbacks.StreamInfo() }

func (i *requestInfo) StartTime() time.Time                       { return i.start }
func (i *requestInfo) SetStartTime()                              { i.start = time.Now() }
func (i *requestInfo) RequestReceivedDuration() time.Duration     { return i.received }
func (i *requestInfo) SetRequestReceivedDuration(t time.Time)     { i.received = t.Sub(i.start) }
func (i *requestInfo) ResponseReceivedDuration() time.Duration    { return i.response }
func (i *requestInfo) SetResponseReceivedDuration(t time.Time)    { i.response = t.Sub(i.start) }
func (i *requestInfo) RequestFinishedDuration() time.Duration     { return i.finished }
func (i *requestInfo) SetRequestFinishedDuration(t time.Time)     { i.finished = t.Sub(i.start) }
func (i *requestInfo) SetProcessTimeDuration(d time.Duration)     { i.process = d }
func (i *requestInfo) ProcessTimeDuration() time.Duration         { return i.process }
func (i *requestInfo) BytesSent() uint64                          { return i.sentBytes }
func (i *requestInfo) SetBytesSent(n uint64)                      { i.sentBytes = n }
func (i *requestInfo) BytesReceived() uint64                      { return i.recvBytes }
func (i *requestInfo) SetBytesReceived(n uint64)                  { i.recvBytes = n }
func (i *requestInfo) SetProtocol(p api.ProtocolName)             { i.protocol = p }
func (i *requestInfo) SetResponseCode(code int)                   { i.code = code }
func (i *requestInfo) Duration() time.Duration                    { return time.Since(i.start) }
func (i *requestInfo) GetResponseFlag(flag api.ResponseFlag) bool { return i.flags&flag != 0 }
func (i *requestInfo) SetResponseFlag(flag api.ResponseFlag)      { i.flags |= flag }
func (i *requestInfo) UpstreamHost() api.HostInfo                 { return i.upstream }
func (i *requestInfo) OnUpstreamHostSelected(host api.HostInfo)   { i.upstream = host }
func (i *requestInfo) SetUpstreamLocalAddress(address string)     { i.upLocal = address }
func (i *requestInfo) IsHealthCheck() bool                        { return i.health }
func (i *requestInfo) SetHealthCheck(isHealthCheck bool)          { i.health = isHealthCheck }
func (i *requestInfo) SetDownstreamLocalAddress(address net.Addr) { i.addresses.local = address }
func (i *requestInfo) SetDownstreamRemoteAddress(address net.Addr) {
	i.addresses.remote = address
}
func (i *requestInfo) SetRouteEntry(rule api.RouteRule) { i.route = rule }

func (i *requestInfo) Protocol() api.ProtocolName {
	if i.protocol != "" {
		return i.protocol
	}
	if name, _ := i.info().Protocol(); name == "HTTP/2.0" {
		return "Http2"
	}
	return "Http1"
}

func (i *requestInfo) ResponseCode() int {
	if code, ok := i.info().ResponseCode(); ok {
		return int(code)
	}
	return i.code
}

func (i *requestInfo) UpstreamLocalAddress() string {
	if address, ok := i.info().UpstreamLocalAddress(); ok {
		return address
	}
	return i.upLocal
}

func (i *requestInfo) DownstreamLocalAddress() net.Addr {
	if i.addresses.local != nil {
		return i.addresses.local
	}
	return addressOf(i.info().DownstreamLocalAddress())
}

func (i *requestInfo) DownstreamRemoteAddress() net.Addr {
	if i.addresses.remote != nil {
		return i.addresses.remote
	}
	return addressOf(i.info().DownstreamRemoteAddress())
}

func (i *requestInfo) RouteEntry() api.RouteRule {
	if i.route != nil {
		return i.route
	}
	return route{i.callbacks}.RouteRule()
}

func addressOf(text string) net.Addr {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return &net.UnixAddr{Name: text, Net: "unix"}
	}
	number, _ := strconv.Atoi(port)
	return &net.TCPAddr{IP: net.ParseIP(host), Port: number}
}

// connection knows the downstream connection's addresses; the proxy owns the rest of it, so that
// other calls panic, which is answered with 500 and logged.
type connection struct {
	api.Connection
	info *requestInfo
}

func (i *requestInfo) connection() api.Connection   { return connection{info: i} }
func (c connection) LocalAddr() net.Addr            { return c.info.DownstreamLocalAddress() }
func (c connection) RemoteAddr() net.Addr           { return c.info.DownstreamRemoteAddress() }
func (c connection) SetRemoteAddr(address net.Addr) { c.info.SetDownstreamRemoteAddress(address) }

// route knows the names that the proxy tells of a route; what only MOSN's own router has is nil.
type route struct {
	callbacks envoyapi.FilterCallbackHandler
}

var _ api.Route = route{}

func (r route) RouteRule() api.RouteRule                   { return rule{callbacks: r.callbacks} }
func (r route) DirectResponseRule() api.DirectResponseRule { return nil }
func (r route) RedirectRule() api.RedirectRule             { return nil }

type rule struct {
	api.RouteRule
	callbacks envoyapi.FilterCallbackHandler
}

func (r rule) ClusterName(context.Context) string {
	name, _ := r.callbacks.StreamInfo().UpstreamClusterName()
	return name
}
func (r rule) VirtualHost() api.VirtualHost                                            { return nil }
func (r rule) UpstreamProtocol() string                                                { return "" }
func (r rule) GlobalTimeout() time.Duration                                            { return 0 }
func (r rule) Policy() api.Policy                                                      { return nil }
func (r rule) MetadataMatchCriteria(string) api.MetadataMatchCriteria                  { return nil }
func (r rule) PerFilterConfig() map[string]interface{}                                 { return nil }
func (r rule) PathMatchCriterion() api.PathMatchCriterion                              { return nil }
func (r rule) HeaderMatchCriteria() api.KeyValueMatchCriteria                          { return nil }
func (r rule) FinalizeRequestHeaders(context.Context, api.HeaderMap, api.RequestInfo)  {}
func (r rule) FinalizeResponseHeaders(context.Context, api.HeaderMap, api.RequestInfo) {}

// statusOf finds the status of an answer that a filter has made of headers.
func statusOf(ctx context.Context, headers api.HeaderMap) int {
	if text, err := statusVariable(ctx); err == nil {
		if code, err := strconv.Atoi(text); err == nil {
			return code
		}
	}
	if headers != nil {
		if text, ok := headers.Get(":status"); ok {
			if code, err := strconv.Atoi(text); err == nil {
				return code
			}
		}
	}
	return http.StatusOK
}
