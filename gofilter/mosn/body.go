package mosn

import (
	"io"

	"mosn.io/api"
	"mosn.io/pkg/buffer"
)

// body is a message's body as a MOSN buffer that knows whether it was changed.
type body struct {
	api.IoBuffer
	changed bool
}

func newBody(bytes []byte) *body {
	return &body{IoBuffer: buffer.NewIoBufferBytes(bytes)}
}

// replace makes the body hold what another buffer holds; nil empties it.
func (b *body) replace(other api.IoBuffer) {
	if other == api.IoBuffer(b) {
		return
	}
	var bytes []byte
	if other != nil {
		bytes = append(bytes, other.Bytes()...)
	}
	b.IoBuffer = buffer.NewIoBufferBytes(bytes)
	b.changed = true
}

func (b *body) touch() api.IoBuffer {
	b.changed = true
	return b.IoBuffer
}

func (b *body) Read(p []byte) (int, error)          { return b.touch().Read(p) }
func (b *body) ReadOnce(r io.Reader) (int64, error) { return b.touch().ReadOnce(r) }
func (b *body) ReadFrom(r io.Reader) (int64, error) { return b.touch().ReadFrom(r) }
func (b *body) Grow(n int) error                    { return b.touch().Grow(n) }
func (b *body) Write(p []byte) (int, error)         { return b.touch().Write(p) }
func (b *body) WriteString(s string) (int, error)   { return b.touch().WriteString(s) }
func (b *body) WriteByte(p byte) error              { return b.touch().WriteByte(p) }
func (b *body) WriteUint16(p uint16) error          { return b.touch().WriteUint16(p) }
func (b *body) WriteUint32(p uint32) error          { return b.touch().WriteUint32(p) }
func (b *body) WriteUint64(p uint64) error          { return b.touch().WriteUint64(p) }
func (b *body) WriteTo(w io.Writer) (int64, error)  { return b.touch().WriteTo(w) }
func (b *body) Drain(offset int)                    { b.touch().Drain(offset) }
func (b *body) Reset()                              { b.touch().Reset() }
func (b *body) Alloc(size int)                      { b.touch().Alloc(size) }
func (b *body) Free()                               { b.touch().Free() }
func (b *body) Append(data []byte) error            { return b.touch().Append(data) }
