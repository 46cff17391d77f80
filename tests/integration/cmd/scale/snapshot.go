package main

import (
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// size of a snapshot.
type size struct{ clusters, endpoints, listeners int }

func clusterName(i int) string {
	return fmt.Sprintf("outbound|8080||service-%d.default.svc.cluster.local", i)
}
func routeName(i int) string { return fmt.Sprintf("routes-%d", i) }

func ads() *core.ConfigSource {
	return &core.ConfigSource{ResourceApiVersion: core.ApiVersion_V3, ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}}}
}

func packed(message proto.Message) *anypb.Any {
	out, err := anypb.New(message)
	if err != nil {
		panic(err) // of messages made here
	}
	return out
}

// snapshot: clusters with endpoints by EDS, and listeners with routes by RDS, which together name every cluster. The
// first listener has a socket; connections would come to the others from there, as in Istio. The first cluster's
// endpoints are ours; nobody connects to the others.
func snapshot(of size, port int, first *endpointv3.ClusterLoadAssignment) []proto.Message {
	var out []proto.Message
	for i := range of.clusters {
		out = append(out, cluster(clusterName(i)))
		if i > 0 {
			out = append(out, assignment(i, of.endpoints))
		}
	}
	out = append(out, first)
	each := (of.clusters + of.listeners - 1) / of.listeners
	for i := range of.listeners {
		to := port
		if i > 0 {
			to = 40000 + i
		}
		out = append(out, listener(i, to), routes(i, i*each, min(of.clusters, (i+1)*each)))
	}
	return out
}

func cluster(name string) *clusterv3.Cluster {
	limit := wrapperspb.UInt32(1 << 31)
	return &clusterv3.Cluster{Name: name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()}, ConnectTimeout: durationpb.New(10 * time.Second),
		LbPolicy: clusterv3.Cluster_LEAST_REQUEST, CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxConnections: limit, MaxPendingRequests: limit, MaxRequests: limit, MaxRetries: limit}}}}
}

func assignment(i, endpoints int) *endpointv3.ClusterLoadAssignment {
	var addresses []string
	for k := range endpoints {
		addresses = append(addresses, fmt.Sprintf("10.%d.%d.%d", i>>8&255, i&255, k+1))
	}
	return endpointsOf(clusterName(i), 8080, addresses)
}

func endpointsOf(name string, port int, addresses []string) *endpointv3.ClusterLoadAssignment {
	group := &endpointv3.LocalityLbEndpoints{Locality: &core.Locality{Region: "region", Zone: "zone"}}
	for _, address := range addresses {
		group.LbEndpoints = append(group.LbEndpoints, endpoint(address, port))
	}
	return &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{group}}
}

func endpoint(address string, port int) *endpointv3.LbEndpoint {
	return &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: at(address, port)}}}
}

func at(address string, port int) *core.Address {
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: address, PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(port)}}}}
}

func listener(i, port int) *listenerv3.Listener {
	manager := &hcm.HttpConnectionManager{StatPrefix: fmt.Sprintf("outbound_%d", port),
		RouteSpecifier: &hcm.HttpConnectionManager_Rds{Rds: &hcm.Rds{RouteConfigName: routeName(i), ConfigSource: ads()}},
		HttpFilters:    []*hcm.HttpFilter{{Name: "router", ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: packed(&router.Router{})}}}}
	return &listenerv3.Listener{Name: fmt.Sprintf("listener-%d", i), Address: at("127.0.0.1", port), BindToPort: wrapperspb.Bool(i == 0),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{Name: "hcm",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: packed(manager)}}}}}}
}

// routes has a virtual host for each of some clusters; any name goes to the first.
func routes(i, from, to int) *routev3.RouteConfiguration {
	out := &routev3.RouteConfiguration{Name: routeName(i)}
	for k := from; k < to; k++ {
		name := fmt.Sprintf("service-%d.default.svc.cluster.local", k)
		domains := []string{name, fmt.Sprintf("service-%d", k), fmt.Sprintf("service-%d.default", k)}
		if k == from {
			domains = []string{"*"}
		}
		out.VirtualHosts = append(out.VirtualHosts, &routev3.VirtualHost{Name: name, Domains: domains, Routes: []*routev3.Route{{
			Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: clusterName(k)}}}}}})
	}
	return out
}
