package directory_test

import (
	"strings"
	"testing"
)

func TestAMessageIsForItsAccountOnly(t *testing.T) {
	w := start()
	text := strings.Repeat("denied ", 5000)
	sealed := w.SealMessage("111122223333", []byte(text))
	if len(sealed) > 1000 || strings.Contains(sealed, "denied") {
		t.Errorf("%d characters: %s", len(sealed), sealed)
	}
	if got, err := w.OpenMessage("111122223333", sealed); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	for account, message := range map[string]string{
		"444455556666": sealed, "111122223333": sealed[1:], "": sealed, "111122223333 ": sealed,
		"999999999999": w.Seal("authorization message 999999999999", []byte{0xff}), "888888888888": "",
	} {
		if got, err := w.OpenMessage(account, message); err == nil {
			t.Errorf("%s reads %q", account, got)
		}
	}
}
