package main

import (
	"maps"
	"slices"
)

// components returns the strongly connected components of a graph, each sorted, by
// Tarjan's algorithm.
func components(edges map[string][]string) [][]string {
	var (
		found   [][]string
		stack   []string
		onStack = map[string]bool{}
		index   = map[string]int{} // from 1
		low     = map[string]int{}
		visit   func(string)
	)
	visit = func(node string) {
		index[node] = len(index) + 1
		low[node] = index[node]
		stack, onStack[node] = append(stack, node), true
		for _, next := range edges[node] {
			if index[next] == 0 {
				visit(next)
				low[node] = min(low[node], low[next])
			} else if onStack[next] {
				low[node] = min(low[node], index[next])
			}
		}
		if low[node] != index[node] {
			return
		}
		at := slices.Index(stack, node)
		component := slices.Sorted(slices.Values(stack[at:]))
		stack = stack[:at]
		for _, member := range component {
			onStack[member] = false
		}
		found = append(found, component)
	}
	for _, node := range slices.Sorted(maps.Keys(edges)) {
		if index[node] == 0 {
			visit(node)
		}
	}
	return found
}
