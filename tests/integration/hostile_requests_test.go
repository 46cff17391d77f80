package integration

import "strings"

const (
	smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	refused  = "400 close"
)

// get and post are whole requests with further header lines.
func get(lines string) string { return "GET /a HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n" }

func post(lines, body string) string {
	return "POST /a HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n" + body
}

func length(value string) string { return post("Content-Length:"+value+"\r\n", "hello") }

func coding(value string) string {
	return post("Transfer-Encoding:"+value+"\r\n", "5\r\nhello\r\n0\r\n\r\n")
}

func chunks(body string) string { return post("Transfer-Encoding: chunked\r\n", body) }

func trailers(lines string) string { return chunks("5\r\nhello\r\n0\r\n" + lines + "\r\n") }

// line is a request with that request line.
func line(text string) string { return text + "\r\nHost: h\r\n\r\n" }

func hosts(lines string) string { return "GET /a HTTP/1.1\r\n" + lines + "\r\n" }

func many(count int, line string) string { return strings.Repeat(line, count) }

var hostileRequests = join(lengthRequests, codingRequests, chunkRequests, trailerRequests, lineRequests, headRequests,
	targetRequests, hopRequests)

func join(groups ...[]hostileCase) (all []hostileCase) {
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}

const passed = `200 open; POST /a h "hello"`

var lengthRequests = []hostileCase{
	{name: "CL.TE", bytes: post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), want: refused, rfc: "RFC 9112 6.1"},
	{name: "CL.TE with a request behind the chunks", bytes: post("Content-Length: 40\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+smuggled), want: refused, rfc: "RFC 9112 6.1"},
	{name: "TE.CL", bytes: post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "23\r\n"+smuggled+"\r\n0\r\n\r\n"), want: refused, rfc: "RFC 9112 6.1"},
	{name: "TE and a length of 0", bytes: post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n"), want: refused, rfc: "RFC 9112 6.1"},
	{name: "two lengths that agree", bytes: length(" 5\r\nContent-Length: 5"), want: refused, rfc: "RFC 9112 6.3"},
	{name: "two lengths that differ", bytes: length(" 5\r\nContent-Length: 0"), want: refused, rfc: "RFC 9112 6.3"},
	{name: "two lengths in other letters", bytes: length(" 5\r\ncONTENT-lENGTH: 6"), want: refused, rfc: "RFC 9112 6.3"},
	{name: "a list of lengths that agree", bytes: length(" 5, 5"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "a list of lengths that differ", bytes: length(" 5, 6"), want: refused, rfc: "RFC 9112 6.3"},
	{name: "length +5", bytes: length(" +5"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length -5", bytes: length(" -5"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length 0x5", bytes: length(" 0x5"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length 5 5", bytes: length(" 5 5"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length 5.0", bytes: length(" 5.0"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length 1e1", bytes: length(" 1e1"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length in quotes", bytes: length(` "5"`), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length in digits of another script", bytes: length(" \xef\xbc\x95"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length with a parameter", bytes: length(" 5;a=b"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "empty length", bytes: length(""), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length of 2^64", bytes: length(" 18446744073709551616"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length of 2^64 + 5", bytes: length(" 18446744073709551621"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length of 2^64 - 1", bytes: length(" 18446744073709551615"), want: refused, rfc: "RFC 9110 8.6"},
	{name: "length behind a vertical tab", bytes: length(" \v5"), want: refused, rfc: "RFC 9110 5.5"},
	{name: "length before NUL", bytes: length(" 5\x00"), want: refused, rfc: "RFC 9110 5.5"},
	{name: "space before the colon of the length", bytes: post("Content-Length : 5\r\n", "hello"), want: refused, rfc: "RFC 9112 5.1"},
	{name: "tab before the colon of the length", bytes: post("Content-Length\t: 5\r\n", "hello"), want: refused, rfc: "RFC 9112 5.1"},
	{name: "length of 05", bytes: length(" 05"), want: passed, rfc: "RFC 9110 8.6"},
	{name: "length between spaces", bytes: length(" \t5 \t"), want: passed, rfc: "RFC 9112 5.1"},
	{name: "length with an underscore is another header", bytes: post("Content_Length: 35\r\n", smuggled), want: "200 200 open; POST /a h; GET /smuggled h", rfc: "RFC 9112 6.3"},
	{name: "a body of GET (CL.0)", bytes: get("Content-Length: 35\r\n") + smuggled, want: `200 open; GET /a h "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"`, rfc: "RFC 9110 9.3.1"},
	{name: "a body of HEAD", bytes: "HEAD /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", want: `200 open; HEAD /a h "hello"`, rfc: "RFC 9110 9.3.2"},
	{name: "a length that is too short", bytes: post("Content-Length: 2\r\n", "hello\r\n\r\n"), want: `200 400 close; POST /a h "he"`, rfc: "RFC 9112 6.3"},
	{name: "a length that is too short for a method", bytes: post("Content-Length: 2\r\n", "hello"), want: `200 400 close; POST /a h "he"`, rfc: "RFC 9112 6.3"},
	{name: "a length that is too long", bytes: post("Content-Length: 50\r\n", "hello"), end: true, want: "close", rfc: "RFC 9112 6.3"},
}

var codingRequests = []hostileCase{
	{name: "TE gzip, chunked", bytes: coding(" gzip, chunked"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE chunked, gzip", bytes: coding(" chunked, gzip"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE chunked, chunked", bytes: coding(" chunked, chunked"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE chunked, identity", bytes: coding(" chunked, identity"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE identity", bytes: post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE of an unknown coding", bytes: coding(" xchunked"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE chunked with a parameter", bytes: coding(" chunked;q=1"), want: "501 close", rfc: "RFC 9112 7.1"},
	{name: "TE chunked in quotes", bytes: coding(` "chunked"`), want: "501 close", rfc: "RFC 9112 7"},
	{name: "TE chunked and a comma", bytes: coding(" chunked,"), want: "501 close", rfc: "RFC 9110 5.6.1"},
	{name: "TE empty", bytes: coding(""), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE chunked twice", bytes: coding(" chunked\r\nTransfer-Encoding: chunked"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE chunked, then TE identity", bytes: coding(" chunked\r\nTransfer-Encoding: identity"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE x, then TE chunked (TE.TE)", bytes: coding(" x\r\nTransfer-Encoding: chunked"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "TE behind a vertical tab", bytes: coding(" \vchunked"), want: refused, rfc: "RFC 9110 5.5"},
	{name: "TE before NUL", bytes: coding(" chunked\x00"), want: refused, rfc: "RFC 9110 5.5"},
	{name: "TE behind a no-break space", bytes: coding("\xa0chunked"), want: "501 close", rfc: "RFC 9112 6.1"},
	{name: "space before the colon of TE", bytes: post("Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), want: refused, rfc: "RFC 9112 5.1"},
	{name: "no-break space before the colon of TE", bytes: post("Transfer-Encoding\xa0: chunked\r\n", "0\r\n\r\n"), want: refused, rfc: "RFC 9110 5.1"},
	{name: "TE folded", bytes: coding("\r\n chunked"), want: refused, rfc: "RFC 9112 5.2"},
	{name: "TE in a fold of another header", bytes: post("X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), want: refused, rfc: "RFC 9112 5.2"},
	{name: "TE behind a bare LF", bytes: post("X: a\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), want: refused, rfc: "RFC 9112 2.2"},
	{name: "TE behind a bare CR", bytes: post("X: a\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), want: refused, rfc: "RFC 9112 2.2"},
	{name: "TE in HTTP/1.0", bytes: "POST /a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", want: refused, rfc: "RFC 9112 6.1"},
	{name: "TE CHUNKED", bytes: coding(" CHUNKED"), want: passed, rfc: "RFC 9112 7"},
	{name: "TE behind a tab", bytes: coding("\tchunked"), want: passed, rfc: "RFC 9112 5.1"},
	{name: "TE with an underscore is another header", bytes: post("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), want: "200 open; POST /a h \"0\\r\\n\\r\\n\"", rfc: "RFC 9112 6.3"},
}

const noChunk = refused

var chunkRequests = []hostileCase{
	{name: "chunk size zz", bytes: chunks("zz\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size 0x5", bytes: chunks("0x5\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size -5", bytes: chunks("-5\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size +5", bytes: chunks("+5\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size 0_5", bytes: chunks("0_5\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "space before the chunk size", bytes: chunks(" 5\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "space behind the chunk size", bytes: chunks("5 \r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "tab behind the chunk size", bytes: chunks("5\t\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "empty chunk size", bytes: chunks("\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size and a word", bytes: chunks("5 a\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1.1"},
	{name: "chunk size of 2^64 + 5", bytes: chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size of 2^64 - 1", bytes: chunks("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size of 5 in 4000 digits", bytes: chunks(many(3999, "0") + "5\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk size before a bare LF", bytes: chunks("5\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 2.2"},
	{name: "chunk size before a bare CR", bytes: chunks("5\rhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 2.2"},
	{name: "bare LF in a chunk extension", bytes: chunks("5;a\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1.1"},
	{name: "bare CR in a chunk extension", bytes: chunks("5;a\rb\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1.1"},
	{name: "NUL in a chunk extension", bytes: chunks("5;a\x00\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1.1"},
	{name: "chunk extension of 64 KiB", bytes: chunks("5;" + many(64<<10, "a") + "\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1.1"},
	{name: "chunk that ends in LF", bytes: chunks("5\r\nhello\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk that ends in CR", bytes: chunks("5\r\nhello\r0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk without an end", bytes: chunks("5\r\nhello0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk that is too long", bytes: chunks("5\r\nhello!\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "chunk that is too short", bytes: chunks("6\r\nhello\r\n0\r\n\r\n"), want: noChunk, rfc: "RFC 9112 7.1"},
	{name: "last chunk before LF", bytes: chunks("5\r\nhello\r\n0\n\n" + smuggled), want: noChunk, rfc: "RFC 9112 2.2"},
	{name: "last chunk, then a bare LF", bytes: chunks("5\r\nhello\r\n0\r\n\n"), want: noChunk, rfc: "RFC 9112 2.2"},
	{name: "body that ends without its last chunk", bytes: chunks("5\r\nhello\r\n"), end: true, want: "close", rfc: "RFC 9112 8"},
	{name: "body that ends in its last chunk", bytes: chunks("5\r\nhello\r\n0\r\n"), end: true, want: "close", rfc: "RFC 9112 8"},
	{name: "chunk size 005", bytes: chunks("005\r\nhello\r\n000\r\n\r\n"), want: passed, rfc: "RFC 9112 7.1"},
	{name: "chunk extensions", bytes: chunks("5;a=b;c=\"d;e\"\r\nhello\r\n0;f\r\n\r\n"), want: passed, rfc: "RFC 9112 7.1.1"},
	{name: "spaces around a chunk extension", bytes: chunks("5 ; a = b\r\nhello\r\n0\r\n\r\n"), want: passed, rfc: "RFC 9112 7.1.1"},
	{name: "a request in a chunk", bytes: chunks("23\r\n" + smuggled + "\r\n0\r\n\r\n"), want: `200 open; POST /a h "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"`, rfc: "RFC 9112 7.1"},
	{name: "a request behind the last chunk", bytes: chunks("5\r\nhello\r\n0\r\n\r\n" + smuggled), want: `200 200 open; POST /a h "hello"; GET /smuggled h`, rfc: "RFC 9112 9.3.2"},
}

var trailerRequests = []hostileCase{
	{name: "trailer", bytes: trailers("X-After: a\r\n"), want: passed + ` trailers ["x-after: a"]`, rfc: "RFC 9110 6.5"},
	{name: "trailer Content-Length", bytes: trailers("Content-Length: 0\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer Transfer-Encoding", bytes: trailers("Transfer-Encoding: gzip\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer Host", bytes: trailers("Host: other\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer Authorization", bytes: trailers("Authorization: Basic YTpi\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer Cookie", bytes: trailers("Cookie: session=forged\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer X-Forwarded-For", bytes: trailers("X-Forwarded-For: 10.0.0.1\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer X-Envoy-Original-Path", bytes: trailers("X-Envoy-Original-Path: /admin\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer Range", bytes: trailers("Range: bytes=0-1\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer Connection", bytes: trailers("Connection: close\r\n"), want: passed, rfc: "RFC 9110 6.5.1"},
	{name: "trailer :path", bytes: trailers(":path: /admin\r\n"), want: refused, rfc: "RFC 9110 5.1"},
	{name: "trailer without a colon", bytes: trailers("X-After\r\n"), want: refused, rfc: "RFC 9112 5"},
	{name: "trailer folded", bytes: trailers("X-After: a\r\n b\r\n"), want: refused, rfc: "RFC 9112 5.2"},
	{name: "trailer with a bare CR", bytes: trailers("X-After: a\rb\r\n"), want: refused, rfc: "RFC 9112 2.2"},
	{name: "trailer with a bare LF", bytes: trailers("X-After: a\nX: b\r\n"), want: refused, rfc: "RFC 9112 2.2"},
	{name: "trailer with NUL", bytes: trailers("X-After: a\x00\r\n"), want: refused, rfc: "RFC 9110 5.5"},
	{name: "trailer with a space before the colon", bytes: trailers("X-After : a\r\n"), want: refused, rfc: "RFC 9112 5.1"},
	{name: "trailers of 64 KiB", bytes: trailers(many(60, "X-After: "+many(1100, "a")+"\r\n")), want: "431 close", rfc: "RFC 6585 5"},
	{name: "200 trailers", bytes: trailers(many(200, "X-After: a\r\n")), want: "431 close", rfc: "RFC 6585 5"},
}
