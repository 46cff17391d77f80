// Package plugin makes MOSN stream filters a plugin of the Envoy Go SDK. It is apart from package
// mosn because the SDK's HTTP package works only inside a proxy, not in a test.
package plugin

import (
	"github.com/envoyproxy/envoy/contrib/golang/filters/http/source/go/pkg/http"

	"github.com/moeproxy/moe/gofilter/mosn"
)

// Register makes MOSN filters known under a plugin name. Call it in init. The filters need not be
// given if they are registered with mosn.io/api.RegisterStream.
func Register(pluginName string, filters ...mosn.Filters) {
	all := mosn.Filters{}
	for _, some := range filters {
		for name, creator := range some {
			all[name] = creator
		}
	}
	http.RegisterHttpFilterFactoryAndConfigParser(pluginName, mosn.NewFilter, mosn.ConfigParser{Filters: all})
}
