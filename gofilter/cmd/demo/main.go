// Command demo is the plugin library of tools/demo: the plugin "mosn" with the MOSN filters of this
// module. Build it with -buildmode=c-shared.
package main

import (
	_ "github.com/envoyproxy/envoy/contrib/golang/filters/http/source/go/pkg/http" // what the proxy calls

	"github.com/moeproxy/moe/gofilter/filters/metadata"
	"github.com/moeproxy/moe/gofilter/mosn"
	"github.com/moeproxy/moe/gofilter/mosn/plugin"
)

func init() {
	plugin.Register("mosn", mosn.Filters{
		metadata.Type: metadata.New(metadata.Drivers{"UNIT": metadata.NewUnit}),
	})
}

func main() {}
