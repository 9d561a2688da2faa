package policy

import (
	"slices"
	"unicode/utf8"
)

// Parse reads and compiles a policy. It refuses what breaks the language's grammar with a
// *SyntaxError; what a kind of policy may not say is for Check.
func Parse(text string) (*Document, error) {
	p := &parser{reader: newReader(text)}
	d, err := p.document(text)
	if err != nil {
		return nil, err
	}
	if p.later != nil {
		return nil, p.later
	}
	return d, nil
}

type parser struct {
	*reader
	variables bool
	// later is an error that AWS finds only after the whole document has passed the grammar.
	later *SyntaxError
}

// document returns a nil error or a *SyntaxError.
func (p *parser) document(text string) (*Document, error) {
	if len(text) > MaxSize {
		return nil, p.fail(0, NotJSON, "longer than %d characters", MaxSize)
	}
	if !utf8.ValidString(text) {
		return nil, p.fail(0, NotJSON, "not UTF-8")
	}
	root, err := p.reader.document()
	if err != nil {
		return nil, err
	}
	if root.kind != objectNode {
		return nil, p.fail(root.start, NotJSON, "a policy is an object")
	}
	d := &Document{text: text}
	var list *node
	err = p.elements(root.members, func(m *member) *SyntaxError {
		var err *SyntaxError
		switch m.name {
		case "Version":
			d.version, err = p.version(&m.value)
		case "Id":
			_, err = p.text(m)
		case "Statement":
			list = &m.value
		default:
			err = p.unknown(m)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if list == nil {
		return nil, p.fail(root.start, NoStatement, "no Statement")
	}
	p.variables = d.version == Version2012
	if err := p.statements(d, list); err != nil {
		return nil, err
	}
	d.index = newIndex(d.statements)
	return d, nil
}

// elements calls each for every member and refuses a name that comes twice.
func (p *parser) elements(members []member, each func(*member) *SyntaxError) *SyntaxError {
	seen := make(map[string]bool, len(members))
	for i := range members {
		m := &members[i]
		if seen[m.name] {
			return p.fail(m.at, BadGrammar, "%q is given twice", m.name)
		}
		seen[m.name] = true
		if err := each(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) unknown(m *member) *SyntaxError {
	return p.fail(m.at, BadGrammar, "unknown element %q", m.name)
}

func (p *parser) text(m *member) (string, *SyntaxError) {
	if m.value.kind != stringNode {
		return "", p.fail(m.value.start, BadGrammar, "%s must be a string", m.name)
	}
	return m.value.text, nil
}

func (p *parser) version(n *node) (string, *SyntaxError) {
	if n.kind != stringNode || n.text != Version2012 && n.text != Version2008 {
		return "", p.fail(n.start, BadVersion, "Version must be %q or %q", Version2012, Version2008)
	}
	return n.text, nil
}

func (p *parser) statements(d *Document, list *node) *SyntaxError {
	items := list.items
	if list.kind == objectNode {
		items = []node{*list}
	} else if list.kind != arrayNode {
		return p.fail(list.start, BadGrammar, "Statement must be an object or a list of them")
	}
	if len(items) == 0 {
		return p.fail(list.start, EmptyStatement, "Statement is empty")
	}
	d.statements = make([]statement, len(items))
	d.allows = make([]uint64, (len(items)+63)/64)
	for i := range items {
		s := &d.statements[i]
		if err := p.statement(s, &items[i]); err != nil {
			return err
		}
		s.number = i + 1
		s.plain = len(s.conditions) == 0 && !slices.ContainsFunc(s.resources, func(r resource) bool { return r.variable })
		if s.allow {
			d.allows[i/64] |= 1 << (i % 64)
		}
	}
	return nil
}

func (p *parser) statement(s *statement, n *node) *SyntaxError {
	if n.kind != objectNode {
		return p.fail(n.start, BadGrammar, "a statement is an object")
	}
	s.start, s.limit = p.position(n.start), p.position(n.end-1)
	effect := false
	err := p.elements(n.members, func(m *member) *SyntaxError {
		var err *SyntaxError
		switch m.name {
		case "Sid":
			s.hasSid = true
			s.sid, err = p.text(m)
		case "Effect":
			effect = true
			err = p.effect(s, m)
		case "Action", "NotAction":
			err = p.actions(s, m)
		case "Resource", "NotResource":
			err = p.resources(s, m)
		case "Principal", "NotPrincipal":
			err = p.principals(s, m)
		case "Condition":
			err = p.conditions(s, m)
		default:
			err = p.unknown(m)
		}
		return err
	})
	if err == nil && !effect {
		return p.fail(n.start, NoEffect, "a statement needs Effect")
	}
	return err
}

func (p *parser) effect(s *statement, m *member) *SyntaxError {
	text, err := p.text(m)
	s.allow = text == "Allow"
	if err == nil && !s.allow && text != "Deny" && p.later == nil {
		p.later = p.fail(m.value.start, BadEffect, "Effect must be \"Allow\" or \"Deny\"")
		p.later.value = text
	}
	return err
}

// pair refuses an element together with its opposite.
func (p *parser) pair(m *member, already bool) *SyntaxError {
	if already {
		return p.fail(m.at, BadGrammar, "a statement has %s or its opposite, not both", m.name)
	}
	return nil
}

// list reads a string or a list of strings.
func (p *parser) list(name string, n *node, each func(text string)) *SyntaxError {
	items := n.items
	if n.kind != arrayNode {
		items = []node{*n}
	}
	for i := range items {
		if items[i].kind != stringNode {
			return p.fail(items[i].start, BadGrammar, "%s must be a string or a list of strings", name)
		}
		each(items[i].text)
	}
	return nil
}

func (p *parser) actions(s *statement, m *member) *SyntaxError {
	if err := p.pair(m, s.hasAction); err != nil {
		return err
	}
	s.hasAction, s.notAction = true, m.name == "NotAction"
	return p.list(m.name, &m.value, func(text string) {
		a := action{fold(text), text}
		s.actions = append(s.actions, a)
		s.anyAction = s.anyAction || a.everything()
	})
}

func (p *parser) resources(s *statement, m *member) *SyntaxError {
	if err := p.pair(m, s.hasResource); err != nil {
		return err
	}
	s.hasResource, s.notResource = true, m.name == "NotResource"
	return p.list(m.name, &m.value, func(text string) {
		s.resources = append(s.resources, newResource(text, p.variables))
	})
}

func (p *parser) principals(s *statement, m *member) *SyntaxError {
	if err := p.pair(m, s.principals != nil); err != nil {
		return err
	}
	e := &principals{not: m.name == "NotPrincipal"}
	s.principals = e
	if m.value.kind == stringNode {
		if m.value.text != "*" {
			return p.fail(m.value.start, PrincipalNotObject, "%s is \"*\" or an object", m.name)
		}
		e.names = []principalName{newPrincipalName("AWS", "*")}
		return nil
	}
	if m.value.kind != objectNode {
		return p.fail(m.value.start, PrincipalNotObject, "%s is \"*\" or an object", m.name)
	}
	err := p.elements(m.value.members, func(g *member) *SyntaxError {
		switch g.name {
		case "AWS", "Service", "Federated", "CanonicalUser":
		default:
			return p.unknown(g)
		}
		return p.list(g.name, &g.value, func(text string) {
			e.names = append(e.names, newPrincipalName(g.name, text))
		})
	})
	if err == nil && len(e.names) == 0 {
		return p.fail(m.value.start, EmptyPrincipal, "%s is empty", m.name)
	}
	return err
}

func (p *parser) conditions(s *statement, m *member) *SyntaxError {
	if m.value.kind != objectNode {
		return p.fail(m.value.start, BadGrammar, "Condition must be an object")
	}
	return p.elements(m.value.members, func(block *member) *SyntaxError {
		if block.value.kind != objectNode {
			return p.fail(block.value.start, BadGrammar, "%s must be an object of condition keys", block.name)
		}
		o, ok := parseOperator(block.name)
		if !ok && len(block.value.members) > 0 {
			return p.fail(block.at, BadGrammar, "unknown condition operator %q", block.name)
		}
		keys := map[string]bool{}
		for i := range block.value.members {
			k := &block.value.members[i]
			if keys[fold(k.name)] {
				return p.fail(k.at, BadGrammar, "%q is given twice", k.name)
			}
			keys[fold(k.name)] = true
			c := condition{written: block.name, operator: o, key: nameKey(k.name)}
			if err := p.operands(&c, &k.value); err != nil {
				return err
			}
			s.conditions = append(s.conditions, c)
		}
		return nil
	})
}

func (p *parser) operands(c *condition, n *node) *SyntaxError {
	items := n.items
	if n.kind != arrayNode {
		items = []node{*n}
	}
	for i := range items {
		switch items[i].kind {
		case stringNode, numberNode, boolNode:
			c.operands = append(c.operands, newOperand(items[i].text, c.operator, p.variables))
		default:
			return p.fail(items[i].start, BadGrammar, "values of %s must be strings, numbers or booleans", c.key.text)
		}
	}
	return nil
}
