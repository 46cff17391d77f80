// Command demo is the plugin library of tools/demo: the plugin "mosn" with the MOSN filters of this
// module. Build it with -buildmode=c-shared.
package main

import (
	_ "github.com/moeproxy/moe/gofilter/filters/metadata"
	"github.com/moeproxy/moe/gofilter/mosn/plugin"
)

func init() { plugin.Register("mosn") }

func main() {}
