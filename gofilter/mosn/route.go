package mosn

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync/atomic"
	"time"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"mosn.io/api"
)

// route knows the names that the proxy tells of a route; what only MOSN's own router has is nil.
type route struct{ stream *stream }

var _ api.Route = route{}

func (r route) RouteRule() api.RouteRule                   { return rule{r.stream} }
func (r route) DirectResponseRule() api.DirectResponseRule { return nil }
func (r route) RedirectRule() api.RedirectRule             { return nil }

type rule struct{ stream *stream }

var _ api.RouteRule = rule{}

func (r rule) ClusterName(context.Context) string { return r.stream.info.cluster() }

// MetadataMatchCriteria is what filters have set so far in the namespace envoy.lb.
func (r rule) MetadataMatchCriteria(string) api.MetadataMatchCriteria {
	set := map[string]string{}
	for key, value := range (metadata{r.stream}).Get(LoadBalancing) {
		set[key] = fmt.Sprint(value)
	}
	return newCriteria(set)
}

func (r rule) VirtualHost() api.VirtualHost                                            { return virtualHost{r.stream} }
func (r rule) UpstreamProtocol() string                                                { return "" }
func (r rule) GlobalTimeout() time.Duration                                            { return 0 }
func (r rule) Policy() api.Policy                                                      { return nil }
func (r rule) PerFilterConfig() map[string]interface{}                                 { return nil }
func (r rule) PathMatchCriterion() api.PathMatchCriterion                              { return nil }
func (r rule) HeaderMatchCriteria() api.KeyValueMatchCriteria                          { return nil }
func (r rule) FinalizeRequestHeaders(context.Context, api.HeaderMap, api.RequestInfo)  {}
func (r rule) FinalizeResponseHeaders(context.Context, api.HeaderMap, api.RequestInfo) {}

// virtualHost knows its name if the proxy tells it. Routes are added and matched by the proxy.
type virtualHost struct{ stream *stream }

var _ api.VirtualHost = virtualHost{}

// noProperties is set when the proxy has said that it has no properties to ask for, as moe does with a
// line in its log.
var noProperties atomic.Bool

// Name is empty in moe.
func (v virtualHost) Name() string {
	if noProperties.Load() || !v.stream.beginAsking() {
		return ""
	}
	defer pardon()
	defer v.stream.endAsking()
	name, err := v.stream.callbacks.GetProperty("xds.virtual_host_name")
	if errors.Is(err, envoyapi.ErrInternalFailure) {
		noProperties.Store(true)
	}
	return name
}
func (virtualHost) AddRoute(api.RouteBase) error {
	return fmt.Errorf("routes are added by the proxy's configuration")
}
func (virtualHost) RemoveAllRoutes()                                                        {}
func (virtualHost) GetRouteFromEntries(context.Context, api.HeaderMap) api.Route            { return nil }
func (virtualHost) GetAllRoutesFromEntries(context.Context, api.HeaderMap) []api.Route      { return nil }
func (virtualHost) GetRouteFromHeaderKV(string, string) api.Route                           { return nil }
func (virtualHost) PerFilterConfig() map[string]interface{}                                 { return nil }
func (virtualHost) FinalizeRequestHeaders(context.Context, api.HeaderMap, api.RequestInfo)  {}
func (virtualHost) FinalizeResponseHeaders(context.Context, api.HeaderMap, api.RequestInfo) {}

// criteria are keys and values by which a subset load balancer chooses, sorted by key.
type criteria []api.MetadataMatchCriterion

type criterion struct{ key, value string }

var _ api.MetadataMatchCriteria = criteria(nil)

func newCriteria(from map[string]string) criteria {
	out := make(criteria, 0, len(from))
	for key, value := range from {
		out = append(out, criterion{key, value})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].MetadataKeyName() < out[j].MetadataKeyName() })
	return out
}

func (c criterion) MetadataKeyName() string { return c.key }
func (c criterion) MetadataValue() string   { return c.value }

func (c criteria) MetadataMatchCriteria() []api.MetadataMatchCriterion { return c }

// MergeMatchCriteria gives new criteria; it sets nothing.
func (c criteria) MergeMatchCriteria(metadataMatches map[string]string) api.MetadataMatchCriteria {
	set := map[string]string{}
	for _, one := range c {
		set[one.MetadataKeyName()] = one.MetadataValue()
	}
	for key, value := range metadataMatches {
		set[key] = value
	}
	return newCriteria(set)
}
