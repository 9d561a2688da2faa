package directory

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// MostMessage is the longest sealed message that STS takes back.
const MostMessage = 10240

// messages is what authorization messages are sealed for; each account has its own.
func messages(account string) string { return "authorization message " + account }

// packers are kept: one takes the better part of a megabyte.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is one
	}
	return w
}}

// SealMessage packs what a denial's encoded message says, for the account that made the call to open.
func (d *Directory) SealMessage(account string, text []byte) string {
	var b bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	w.Write(text) //nolint:errcheck // to memory
	w.Close()     //nolint:errcheck // to memory
	return d.Seal(messages(account), b.Bytes())
}

// OpenMessage gives the text of an encoded message of an account; of any other it is a bad token.
func (d *Directory) OpenMessage(account, sealed string) ([]byte, error) {
	packed, err := d.Open(messages(account), sealed)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, ErrBadToken
	}
	return text, nil
}
