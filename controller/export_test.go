package controller

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// EngineOf is the engine of what NewRouter returns.
func EngineOf(h http.Handler) *gin.Engine { return h.(headAsGet).engine }
