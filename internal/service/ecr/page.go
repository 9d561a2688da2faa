package ecr

import "encoding/base64"

// defaultPage is how many results a page has when the request does not say.
const defaultPage = 100

func size(asked *int32) int {
	if asked == nil {
		return defaultPage
	}
	return int(*asked)
}

// token says where the next page begins, and begin reads it.
func token(at string) *string { return new(base64.StdEncoding.EncodeToString([]byte("1" + at))) }

func begin(token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	at, err := base64.StdEncoding.DecodeString(*token)
	if err != nil || len(at) == 0 || at[0] != '1' {
		return "", parameter("nextToken", "Invalid next token")
	}
	return string(at[1:]), nil
}

// page cuts a sorted list at a token; at gives what an element is sorted by.
func page[T any](all []T, asked *int32, from *string, at func(*T) string) ([]T, *string, error) {
	start, err := begin(from)
	if err != nil {
		return nil, nil, err
	}
	i := 0
	for i < len(all) && at(&all[i]) < start {
		i++
	}
	all = all[i:]
	if limit := size(asked); len(all) > limit {
		return all[:limit:limit], token(at(&all[limit])), nil
	}
	return all, nil, nil
}
