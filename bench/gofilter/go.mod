module github.com/moeproxy/moe/bench/gofilter

go 1.24

require github.com/envoyproxy/envoy v1.33.0

require google.golang.org/protobuf v1.36.1 // indirect
