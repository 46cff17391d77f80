module github.com/moeproxy/moe/gofilter

go 1.24

require (
	github.com/cncf/xds/go v0.0.0-20240905190251-b4127c9b8d78
	github.com/envoyproxy/envoy v1.33.0
	github.com/rcrowley/go-metrics v0.0.0-20200313005456-10cdbea86bc0
	google.golang.org/protobuf v1.36.1
	mosn.io/api v1.6.0
	mosn.io/pkg v1.6.0
)

require (
	cel.dev/expr v0.15.0 // indirect
	github.com/BurntSushi/toml v1.6.0 // indirect
	github.com/envoyproxy/protoc-gen-validate v1.0.4 // indirect
	github.com/golang/protobuf v1.5.3 // indirect
	github.com/hashicorp/go-syslog v1.0.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20230822172742-b8732ec3820d // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20240318140521-94a12d6c2237 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.0.0 // indirect
)
