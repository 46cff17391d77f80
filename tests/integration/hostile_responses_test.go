package integration

const (
	ok        = "HTTP/1.1 200 OK\r\n"
	badAnswer = "502"
	// What a client must never be given as the answer to another request.
	stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
)

func answer(lines, body string) string { return ok + lines + "\r\n" + body }

func answerLength(value string) string { return answer("Content-Length:"+value+"\r\n", "hello") }

func answerCoding(value string) string {
	return answer("Transfer-Encoding:"+value+"\r\n", "5\r\nhello\r\n0\r\n\r\n")
}

func answerChunks(body string) string { return answer("Transfer-Encoding: chunked\r\n", body) }

func answerHeader(line string) string { return answer(line+"\r\nContent-Length: 5\r\n", "hello") }

func status(line string) string { return line + "\r\nContent-Length: 5\r\n\r\nhello" }

const (
	asksHead = "HEAD %s HTTP/1.1\r\nHost: h\r\n"
	whole    = `200 "hello"`
	cut      = "cut"
)

var hostileResponses = join(answerFraming, answerChunked, answerHeads, answerStatus)

var answerFraming = []hostileCase{
	{name: "answer: CL and TE", bytes: answer("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), want: badAnswer, rfc: "RFC 9112 6.3"},
	{name: "answer: TE and CL", bytes: answer("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"+stray), want: badAnswer, rfc: "RFC 9112 6.3"},
	{name: "answer: two lengths that agree", bytes: answerLength(" 5\r\nContent-Length: 5"), want: badAnswer, rfc: "RFC 9112 6.3"},
	{name: "answer: two lengths that differ", bytes: answerLength(" 5\r\nContent-Length: 6"), want: badAnswer, rfc: "RFC 9112 6.3"},
	{name: "answer: a list of lengths", bytes: answerLength(" 5, 5"), want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: length -5", bytes: answerLength(" -5"), want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: length +5", bytes: answerLength(" +5"), want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: length 0x5", bytes: answerLength(" 0x5"), want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: empty length", bytes: answerLength(""), want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: length of 2^64 + 5", bytes: answerLength(" 18446744073709551621"), want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: space before the colon of the length", bytes: answer("Content-Length : 5\r\n", "hello"), want: badAnswer, rfc: "RFC 9112 5.1"},
	{name: "answer: TE gzip, chunked", bytes: answerCoding(" gzip, chunked"), want: badAnswer, rfc: "RFC 9112 6.1"},
	{name: "answer: TE identity", bytes: answer("Transfer-Encoding: identity\r\n", "hello"), end: true, want: badAnswer, rfc: "RFC 9112 6.1"},
	{name: "answer: TE chunked twice", bytes: answerCoding(" chunked\r\nTransfer-Encoding: chunked"), want: badAnswer, rfc: "RFC 9112 6.1"},
	{name: "answer: TE chunked, identity", bytes: answerCoding(" chunked, identity"), want: badAnswer, rfc: "RFC 9112 6.1"},
	{name: "answer: TE behind a vertical tab", bytes: answerCoding(" \vchunked"), want: badAnswer, rfc: "RFC 9110 5.5"},
	{name: "answer: TE in HTTP/1.0", bytes: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: badAnswer, rfc: "RFC 9112 6.1"},
	{name: "answer: more than its length", bytes: answer("Content-Length: 5\r\n", "hello more"), want: whole, rfc: "RFC 9112 6.3"},
	{name: "answer: a second answer", bytes: answer("Content-Length: 5\r\n", "hello"+stray), want: whole, rfc: "RFC 9112 9.3"},
	{name: "answer: less than its length", bytes: answer("Content-Length: 50\r\n", "hello"), end: true, want: cut, rfc: "RFC 9112 8"},
	{name: "answer: until the end", bytes: answer("", "hello"), end: true, want: whole, rfc: "RFC 9112 6.3"},
	{name: "answer: HTTP/1.0 until the end", bytes: "HTTP/1.0 200 OK\r\n\r\nhello", end: true, want: whole, rfc: "RFC 9112 6.3"},
	{name: "answer: Connection names the length", bytes: answer("Connection: content-length\r\nContent-Length: 5\r\n", "hello"), want: whole, rfc: "RFC 9110 7.6.1"},
	{name: "answer: a body for HEAD", bytes: answer("Content-Length: 5\r\n", "hello"), asks: asksHead, want: "200", rfc: "RFC 9110 9.3.2"},
	{name: "answer: a second answer for HEAD", bytes: answer("Content-Length: 47\r\n", stray), asks: asksHead, want: "200", rfc: "RFC 9110 9.3.2"},
	{name: "answer: chunks for HEAD", bytes: answerChunks("5\r\nhello\r\n0\r\n\r\n"), asks: asksHead, want: "200", rfc: "RFC 9110 9.3.2"},
	{name: "answer: 204 with a length", bytes: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: 204 with a length of 0", bytes: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", want: "204", rfc: "RFC 9110 8.6"},
	{name: "answer: 204 with TE", bytes: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: badAnswer, rfc: "RFC 9112 6.1"},
	{name: "answer: 204 and a second answer", bytes: "HTTP/1.1 204 No Content\r\n\r\n" + stray, want: "204", rfc: "RFC 9112 6.3"},
	{name: "answer: 304 with a length and a second answer", bytes: "HTTP/1.1 304 Not Modified\r\nContent-Length: 47\r\n\r\n" + stray, want: "304", rfc: "RFC 9112 6.3"},
	{name: "answer: 304 with TE", bytes: "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", want: "304", rfc: "RFC 9112 6.1"},
}

var answerChunked = []hostileCase{
	{name: "answer: chunk size zz", bytes: answerChunks("zz\r\nhello\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1"},
	{name: "answer: chunk size -5", bytes: answerChunks("-5\r\nhello\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1"},
	{name: "answer: chunk size 0x5", bytes: answerChunks("0x5\r\nhello\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1"},
	{name: "answer: space behind the chunk size", bytes: answerChunks("5 \r\nhello\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1"},
	{name: "answer: chunk size of 2^64 + 5", bytes: answerChunks("10000000000000005\r\nhello\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1"},
	{name: "answer: chunk size before a bare LF", bytes: answerChunks("5\nhello\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 2.2"},
	{name: "answer: bare CR in a chunk extension", bytes: answerChunks("5;a\rb\r\nhello\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1.1"},
	{name: "answer: chunk that is too long", bytes: answerChunks("5\r\nhello!\r\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1"},
	{name: "answer: chunk that ends in LF", bytes: answerChunks("5\r\nhello\n0\r\n\r\n"), want: cut, rfc: "RFC 9112 7.1"},
	{name: "answer: chunks without their end", bytes: answerChunks("5\r\nhello\r\n"), end: true, want: cut, rfc: "RFC 9112 8"},
	{name: "answer: chunks that end in their last", bytes: answerChunks("5\r\nhello\r\n0\r\n"), end: true, want: cut, rfc: "RFC 9112 8"},
	{name: "answer: chunks and a second answer", bytes: answerChunks("5\r\nhello\r\n0\r\n\r\n" + stray), want: whole, rfc: "RFC 9112 9.3"},
	{name: "answer: an answer in a chunk", bytes: answerChunks("2b\r\n" + stray + "\r\n0\r\n\r\n"), want: `200 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"`, rfc: "RFC 9112 7.1"},
	{name: "answer: trailer Content-Length", bytes: answerChunks("5\r\nhello\r\n0\r\nContent-Length: 0\r\n\r\n"), want: whole, rfc: "RFC 9110 6.5.1"},
	{name: "answer: trailer Set-Cookie", bytes: answerChunks("5\r\nhello\r\n0\r\nSet-Cookie: session=forged\r\n\r\n"), want: whole, rfc: "RFC 9110 6.5.1"},
	{name: "answer: trailer", bytes: answerChunks("5\r\nhello\r\n0\r\nX-After: a\r\n\r\n"), want: whole + " trailers map[X-After:[a]]", rfc: "RFC 9110 6.5"},
	{name: "answer: trailer folded", bytes: answerChunks("5\r\nhello\r\n0\r\nX-After: a\r\n b\r\n\r\n"), want: cut, rfc: "RFC 9112 5.2"},
	{name: "answer: trailer with NUL", bytes: answerChunks("5\r\nhello\r\n0\r\nX-After: a\x00\r\n\r\n"), want: cut, rfc: "RFC 9110 5.5"},
}

var answerHeads = []hostileCase{
	{name: "answer: obs-fold", bytes: answerHeader("X-A: a\r\n b"), want: badAnswer, rfc: "RFC 9112 5.2"},
	{name: "answer: obs-fold hides the length", bytes: answer("X-A: a\r\n Content-Length: 0\r\nContent-Length: 5\r\n", "hello"), want: badAnswer, rfc: "RFC 9112 5.2"},
	{name: "answer: bare LF behind a header", bytes: answerHeader("X-A: a\nX-B: b"), want: badAnswer, rfc: "RFC 9112 2.2"},
	{name: "answer: all lines end in LF", bytes: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", want: badAnswer, rfc: "RFC 9112 2.2"},
	{name: "answer: bare CR in a value", bytes: answerHeader("X-A: a\rSet-Cookie: b=c"), want: badAnswer, rfc: "RFC 9112 2.2"},
	{name: "answer: NUL in a value", bytes: answerHeader("X-A: a\x00b"), want: badAnswer, rfc: "RFC 9110 5.5"},
	{name: "answer: NUL in a name", bytes: answerHeader("X\x00A: a"), want: badAnswer, rfc: "RFC 9110 5.1"},
	{name: "answer: ESC in a value", bytes: answerHeader("X-A: \x1b[2J"), want: badAnswer, rfc: "RFC 9110 5.5"},
	{name: "answer: space before the colon", bytes: answerHeader("X-A : a"), want: badAnswer, rfc: "RFC 9112 5.1"},
	{name: "answer: header without a name", bytes: answerHeader(": a"), want: badAnswer, rfc: "RFC 9110 5.1"},
	{name: "answer: header without a colon", bytes: answerHeader("X-A"), want: badAnswer, rfc: "RFC 9112 5"},
	{name: "answer: header :status", bytes: answerHeader(":status: 404"), want: badAnswer, rfc: "RFC 9110 5.1"},
	{name: "answer: white space before the first header", bytes: ok + " X-A: a\r\nContent-Length: 5\r\n\r\nhello", want: badAnswer, rfc: "RFC 9112 2.2"},
	{name: "answer: 101 headers", bytes: answerHeader(many(100, "X-A: a\r\n") + "X-A: a"), want: badAnswer, rfc: "RFC 9110 5.4"},
	{name: "answer: head of 80 KiB", bytes: answerHeader(many(80, "X-A: "+many(1024, "a")+"\r\n") + "X-A: a"), want: badAnswer, rfc: "RFC 9110 5.4"},
	{name: "answer: head that does not end", bytes: ok + "X-A: a\r\n", end: true, want: badAnswer, rfc: "RFC 9112 8"},
	{name: "answer: nothing", bytes: "", end: true, want: "503", rfc: "RFC 9110 15.6.3"},
}

var answerStatus = []hostileCase{
	{name: "answer: version HTTP/0.9", bytes: status("HTTP/0.9 200 OK"), want: badAnswer, rfc: "RFC 9112 2.3"},
	{name: "answer: version HTTP/1.2", bytes: status("HTTP/1.2 200 OK"), want: badAnswer, rfc: "RFC 9112 2.3"},
	{name: "answer: version HTTP/2.0", bytes: status("HTTP/2.0 200 OK"), want: badAnswer, rfc: "RFC 9112 2.3"},
	{name: "answer: version HTTP/1.1x", bytes: status("HTTP/1.1x 200 OK"), want: badAnswer, rfc: "RFC 9112 2.3"},
	{name: "answer: version http/1.1", bytes: status("http/1.1 200 OK"), want: badAnswer, rfc: "RFC 9112 2.3"},
	{name: "answer: version ICY", bytes: status("ICY 200 OK"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: no status line", bytes: "hello", end: true, want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: empty line before the status line", bytes: "\r\n" + answer("Content-Length: 5\r\n", "hello"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: status 20", bytes: status("HTTP/1.1 20 OK"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: status 2000", bytes: status("HTTP/1.1 2000 OK"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: status 2x0", bytes: status("HTTP/1.1 2x0 OK"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: status -20", bytes: status("HTTP/1.1 -20 OK"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: status 099", bytes: status("HTTP/1.1 099 OK"), want: badAnswer, rfc: "RFC 9110 15"},
	{name: "answer: status 600", bytes: status("HTTP/1.1 600 OK"), want: "600", rfc: "RFC 9110 15"},
	{name: "answer: status 999", bytes: status("HTTP/1.1 999 OK"), want: "999", rfc: "RFC 9110 15"},
	{name: "answer: two spaces before the status", bytes: status("HTTP/1.1  200 OK"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: no reason and no space", bytes: status("HTTP/1.1 200"), want: whole, rfc: "RFC 9112 4"},
	{name: "answer: bare CR in the reason", bytes: status("HTTP/1.1 200 O\rK"), want: badAnswer, rfc: "RFC 9112 2.2"},
	{name: "answer: NUL in the reason", bytes: status("HTTP/1.1 200 O\x00K"), want: badAnswer, rfc: "RFC 9112 4"},
	{name: "answer: 100 before it", bytes: "HTTP/1.1 100 Continue\r\n\r\n" + answer("Content-Length: 5\r\n", "hello"), want: whole, rfc: "RFC 9110 15.2"},
	{name: "answer: 103 before it", bytes: "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + answer("Content-Length: 5\r\n", "hello"), want: whole, rfc: "RFC 9110 15.2"},
	{name: "answer: 103 with a length before it", bytes: "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + answer("Content-Length: 5\r\n", "hello"), want: badAnswer, rfc: "RFC 9110 8.6"},
	{name: "answer: 100 with TE before it", bytes: "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n" + answer("Content-Length: 5\r\n", "hello"), want: badAnswer, rfc: "RFC 9112 6.1"},
	{name: "answer: only 100", bytes: "HTTP/1.1 100 Continue\r\n\r\n", end: true, want: "503", rfc: "RFC 9110 15.2"},
	{name: "answer: 101 that nobody asked for", bytes: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + stray, want: badAnswer, rfc: "RFC 9110 7.8"},
	{name: "answer: 205 with a body", bytes: "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello", want: `205 "hello"`, rfc: "RFC 9110 15.3.6"},
}
