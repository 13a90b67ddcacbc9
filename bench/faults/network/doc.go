// Package network puts links between clients, replicas and stores that a fault can hold or cut.
package network
