package mosn

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/rcrowley/go-metrics"
	"mosn.io/api"
)

// connection knows the downstream connection's addresses. The rest of it belongs to the proxy: what a
// filter would do to it fails or does nothing.
type connection struct{ info *requestInfo }

var _ api.Connection = connection{}

var errProxysConnection = errors.New("the connection belongs to the proxy")

func (c connection) LocalAddr() net.Addr            { return c.info.DownstreamLocalAddress() }
func (c connection) RemoteAddr() net.Addr           { return c.info.DownstreamRemoteAddress() }
func (c connection) SetRemoteAddr(address net.Addr) { c.info.SetDownstreamRemoteAddress(address) }
func (c connection) SetLocalAddress(address net.Addr, _ bool) {
	c.info.SetDownstreamLocalAddress(address)
}
func (connection) Write(...api.IoBuffer) error                            { return errProxysConnection }
func (connection) ID() uint64                                             { return 0 }
func (connection) State() api.ConnState                                   { return api.ConnActive }
func (connection) ReadEnabled() bool                                      { return true }
func (connection) NextProtocol() string                                   { return "" }
func (connection) TLS() net.Conn                                          { return nil }
func (connection) RawConn() net.Conn                                      { return nil }
func (connection) BufferLimit() uint32                                    { return 0 }
func (connection) LocalAddressRestored() bool                             { return false }
func (connection) GetWriteBuffer() []api.IoBuffer                         { return nil }
func (connection) GetReadBuffer() api.IoBuffer                            { return nil }
func (connection) FilterManager() api.FilterManager                       { return nil }
func (connection) Start(context.Context)                                  {}
func (connection) OnRead(api.IoBuffer)                                    {}
func (connection) SetNoDelay(bool)                                        {}
func (connection) SetReadDisable(bool)                                    {}
func (connection) SetBufferLimit(uint32)                                  {}
func (connection) OnConnectionEvent(api.ConnectionEvent)                  {}
func (connection) AddBytesReadListener(func(uint64))                      {}
func (connection) AddBytesSentListener(func(uint64))                      {}
func (connection) SetTransferEventListener(func() bool)                   {}
func (connection) SetCollector(metrics.Counter, metrics.Counter)          {}
func (connection) SetIdleTimeout(time.Duration, time.Duration)            {}
func (connection) AddConnectionEventListener(api.ConnectionEventListener) {}
func (connection) Close(api.ConnectionCloseType, api.ConnectionEvent) error {
	return errProxysConnection
}
