package controller

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// EngineOf returns the Gin engine inside the handler that NewRouter returns.
func EngineOf(h http.Handler) *gin.Engine { return h.(headAsGet).engine }
