package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	maxChunkLine = 512
	maxTail      = 8 << 10
	crlf         = "\r\n"
)

// chunked decodes aws-chunked: "size[;chunk-signature=…]" CRLF bytes CRLF, a chunk of size 0, and
// perhaps a trailer. Each signature covers the one before it, the first the request's.
type chunked struct {
	in    *bufio.Reader
	left  int64 // decoded bytes still to come
	chunk int64 // bytes still to come of this chunk
	end   error // sticky

	signed, trailing bool
	claim            Claim
	key              *signingKey
	previous         string // the signature before
	declared         string // this chunk's
	sum              hash.Hash
	sums             map[string]hash.Hash
	trailer          http.Header
	text             []byte
}

func (ch *chunked) Read(b []byte) (int, error) {
	if ch.end != nil || len(b) == 0 {
		return 0, ch.end
	}
	n, err := ch.read(b)
	if err == nil && ch.chunk == 0 && ch.left == 0 {
		// Everything declared is here: see the end now, before its last bytes are let go.
		err = ch.nextChunk()
	}
	if ch.end = err; err != nil && err != io.EOF {
		return 0, err
	}
	return n, err
}

func (ch *chunked) read(b []byte) (int, error) {
	if ch.chunk == 0 {
		if err := ch.nextChunk(); err != nil {
			return 0, err
		}
	}
	n, err := ch.in.Read(b[:min(int64(len(b)), ch.chunk)])
	if ch.signed {
		ch.sum.Write(b[:n])
	}
	for _, s := range ch.sums {
		s.Write(b[:n])
	}
	ch.chunk -= int64(n)
	ch.left -= int64(n)
	if err != nil {
		return 0, ch.broken(err)
	}
	if n > 0 && ch.chunk == 0 {
		return n, ch.endChunk()
	}
	return n, nil
}

func (ch *chunked) fail(k Kind) error { return Refuse(k).in(ch.claim.Form) }

// broken tells an early end from a fault of the connection.
func (ch *chunked) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ch.fail(Truncated)
	}
	return err
}

// nextChunk reads a chunk's head; the head of size 0 ends the body, with io.EOF when all was well.
func (ch *chunked) nextChunk() error {
	line, err := ch.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), err == nil && (len(line) > maxChunkLine || !bytes.HasSuffix(line, []byte(crlf))):
		return ch.fail(MalformedChunk)
	case err != nil:
		return ch.broken(err)
	}
	head, signature, found := strings.Cut(string(line[:len(line)-2]), ";chunk-signature=")
	size, err := strconv.ParseUint(head, 16, 63)
	if err != nil || found != ch.signed {
		return ch.fail(MalformedChunk)
	}
	if int64(size) > ch.left {
		return ch.fail(LengthMismatch)
	}
	ch.chunk, ch.declared = int64(size), signature
	if size > 0 {
		return nil
	}
	return ch.finish()
}

// endChunk checks what stands behind a chunk's bytes, and its signature.
func (ch *chunked) endChunk() error {
	var end [2]byte
	if _, err := io.ReadFull(ch.in, end[:]); err != nil {
		return ch.broken(err)
	}
	if string(end[:]) != crlf {
		return ch.fail(MalformedChunk)
	}
	return ch.checkChunk()
}

func (ch *chunked) checkChunk() error {
	if !ch.signed {
		return nil
	}
	var digest [sha256.Size]byte
	ch.sum.Sum(digest[:0])
	ch.sum.Reset()
	return ch.checkLink("AWS4-HMAC-SHA256-PAYLOAD", EmptyPayload+"\n", digest[:], ch.declared)
}

// checkLink checks one signature of the chain and makes it the one before.
func (ch *chunked) checkLink(kind, middle string, digest []byte, declared string) error {
	t := append(append(ch.text[:0], kind...), '\n')
	t = append(append(t, ch.claim.Timestamp...), '\n')
	t = append(appendScope(t, &ch.claim), '\n')
	t = append(append(t, ch.previous...), '\n')
	t = hex.AppendEncode(append(t, middle...), digest)
	ch.text = t
	var mac [sha256.Size]byte
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], ch.key.sign(mac[:0], t))
	if !sameText(text[:], declared) {
		return ch.fail(ChunkMismatch)
	}
	ch.previous = declared
	return nil
}

// finish checks the last chunk and the tail.
func (ch *chunked) finish() error {
	if ch.left > 0 {
		return ch.fail(LengthMismatch)
	}
	if err := ch.checkChunk(); err != nil {
		return err
	}
	tail, err := io.ReadAll(io.LimitReader(ch.in, maxTail+1))
	switch {
	case err != nil:
		return ch.broken(err)
	case len(tail) > maxTail:
		return ch.fail(MalformedTrailer)
	case len(tail) < len(crlf), ch.trailing && string(tail) != crlf && !bytes.HasSuffix(tail, []byte(crlf+crlf)):
		return ch.fail(Truncated)
	case !ch.trailing && string(tail) != crlf:
		return ch.fail(MalformedChunk)
	}
	if ch.trailing {
		if err := ch.readTrailer(string(tail)); err != nil {
			return err
		}
	}
	return io.EOF
}

const trailerSignature = "X-Amz-Trailer-Signature"

// readTrailer takes "name:value" lines; blank ones are passed over, since clients differ in where
// they put them.
func (ch *chunked) readTrailer(tail string) error {
	for line := range strings.Lines(tail) {
		line = strings.TrimRight(line, crlf)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		if _, twice := ch.trailer[name]; !ok || twice {
			return ch.fail(MalformedTrailer)
		}
		ch.trailer[name] = []string{strings.TrimSpace(value)}
	}
	signature := first(ch.trailer, trailerSignature)
	delete(ch.trailer, trailerSignature)
	if ch.signed {
		var canonical []byte
		for _, name := range sortedKeys(ch.trailer) {
			canonical = append(canonical, strings.ToLower(name)+":"+ch.trailer[name][0]+"\n"...)
		}
		digest := sha256.Sum256(canonical)
		if err := ch.checkLink("AWS4-HMAC-SHA256-TRAILER", "", digest[:], signature); err != nil {
			return err
		}
	}
	if e := ch.checksums(); e != nil {
		return e.in(ch.claim.Form)
	}
	return nil
}
