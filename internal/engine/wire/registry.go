package wire

import (
	"net/http"

	"cloister/internal/value/fault"
)

// registryCodes are the registry protocol's words for faults of the front, which other protocols share.
var registryCodes = map[string]string{
	"AccessDeniedException": "DENIED", unknownOperation.Code: "UNSUPPORTED", validation.Code: "UNSUPPORTED",
	"RequestEntityTooLargeException": "SIZE_INVALID", "IncompleteBody": "SIZE_INVALID", "ServiceUnavailable": "TOOMANYREQUESTS",
	fault.Internal.Code: "UNKNOWN",
}

// registryFault dresses a fault as container tools read it. Who is asked for a password is told by whom.
func registryFault(w *Response, f *fault.Fault) {
	code := f.Code
	if c, ok := registryCodes[code]; ok {
		code = c
	}
	message := f.Message
	if message == "" {
		message = "The operation is unsupported."
	}
	if realm, ok := f.Fields["Realm"].(string); ok && f.Status == http.StatusUnauthorized {
		w.Header.Set("Www-Authenticate", `Basic realm="`+oneLine(realm)+`",service="ecr.amazonaws.com"`)
	}
	w.Header.Set("Content-Type", "application/json; charset=utf-8")
	b := append(appendJSONString([]byte(`{"errors":[{"code":`), code), `,"message":`...)
	w.Bytes = append(appendJSONString(b, message), "}]}"...)
}
