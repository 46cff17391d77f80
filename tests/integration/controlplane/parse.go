package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"gopkg.in/yaml.v3"

	// What resources may hold.
	_ "github.com/cncf/xds/go/xds/type/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
)

// Parse reads resources: YAML documents, each a resource with its "@type", a list of them, or a DiscoveryResponse's
// `resources`, as in a file that a path_config_source names. One that stands in a DiscoveryResponse's place may leave
// out the rest of it.
func Parse(text string) (resources []proto.Message, err error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document any
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return resources, nil
		} else if err != nil {
			return nil, err
		}
		items := []any{document}
		switch of := document.(type) {
		case nil:
			continue
		case []any:
			items = of
		case map[string]any:
			if list, ok := of["resources"].([]any); ok {
				items = list
			}
		}
		for i, item := range items {
			message, err := parseOne(item)
			if err != nil {
				return nil, fmt.Errorf("resource %d: %w", i, err)
			}
			resources = append(resources, message)
		}
	}
}

func parseOne(item any) (proto.Message, error) {
	text, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	var packed anypb.Any
	if err := protojson.Unmarshal(text, &packed); err != nil {
		return nil, err
	}
	return packed.UnmarshalNew()
}
