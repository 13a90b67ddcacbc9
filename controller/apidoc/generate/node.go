package main

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// node is a part of the description. A missing part has a nil Node and no content.
type node struct{ *yaml.Node }

// get returns the node at a path of keys.
func (n node) get(keys ...string) node {
	for _, key := range keys {
		found := node{}
		for _, m := range n.members() {
			if m.name == key {
				found = m.value
			}
		}
		n = found
	}
	return n
}

// text returns the text of a scalar. It returns "" for any other node.
func (n node) text() string {
	if n.Node == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

type member struct {
	name  string
	value node
}

// members returns the members of a mapping, in the order of the document.
func (n node) members() []member {
	if n.Node == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	list := make([]member, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		list = append(list, member{n.Content[i].Value, node{n.Content[i+1]}})
	}
	return list
}

// items returns the items of a sequence.
func (n node) items() []node {
	if n.Node == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	list := make([]node, len(n.Content))
	for i, item := range n.Content {
		list[i] = node{item}
	}
	return list
}

// words joins the scalars of a sequence. It returns the text of a single scalar.
func (n node) words() string {
	var list []string
	for _, item := range n.items() {
		list = append(list, item.text())
	}
	return n.text() + strings.Join(list, ", ")
}
