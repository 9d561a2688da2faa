package diff

import "testing"

// TestDiff42FilterPatterns: words are looked for, and no other kind of pattern.
func TestDiff42FilterPatterns(t *testing.T) {
	root.json(t, "logs", "CreateLogGroup", object{"logGroupName": "diff-42"}).good(t)
	for _, pattern := range []string{"{ $.level = \"x\" }", "[a, b]", "?a ?b", "-a", "%a%"} {
		root.json(t, "logs", "FilterLogEvents", object{"logGroupName": "diff-42", "filterPattern": pattern}).
			fault(t, 400, "InvalidParameterException", "Cloister knows plain and quoted terms only.")
	}
	root.json(t, "logs", "FilterLogEvents", object{"logGroupName": "diff-42", "filterPattern": "a \"b c\""}).good(t)
}
