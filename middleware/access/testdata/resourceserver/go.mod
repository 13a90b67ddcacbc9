module example.org/resourceserver

go 1.26.4

require latchkey v0.0.0

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
)

replace latchkey => ../../../..
