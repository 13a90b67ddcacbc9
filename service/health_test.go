package service_test

import (
	"testing"
	"time"

	"latchkey/repository/throwaway"
	"latchkey/service"
)

func TestAClockThatIsOffIsNotReady(t *testing.T) {
	store := throwaway.PostgresRedisStore(t)
	for off, ready := range map[time.Duration]bool{
		0: true, 25 * time.Second: true, -25 * time.Second: true, 35 * time.Second: false, -35 * time.Second: false,
	} {
		health := service.NewHealth(store, "test", func() time.Time { return time.Now().Add(off) })
		state := health.Check(t.Context())
		if state.Ready() != ready || (state.Ahead-off).Abs() > 3*time.Second {
			t.Errorf("off by %s: ready %v, ahead by %s, %v", off, state.Ready(), state.Ahead, state.ClockErr)
		}
	}
}
