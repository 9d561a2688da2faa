package algorithm

import (
	"fmt"

	"cloister/internal/engine/kmeans"
)

// report turns the engine's progress into log lines.
func (t *training) report(p kmeans.Progress) {
	now := t.now()
	switch p.Stage {
	case kmeans.Initialised:
		t.initialised(p)
	case kmeans.EpochEnded:
		t.epochEnded(p)
	case kmeans.Shrinking:
		t.log("INFO", "shrinking %d centers into %d", p.Centers, t.parameters.K)
	case kmeans.Attempted:
		t.log("INFO", "local kmeans attempt #%d. Current mean square distance %f", p.Attempt, p.Distance)
		return
	case kmeans.Finished:
		t.finished(p)
	}
	t.stage = now
}

func (t *training) initialised(p kmeans.Progress) {
	if t.parameters.ExtraCenterFactor == kmeans.Auto {
		t.log("INFO", "'extra_center_factor' was set to 'auto', evaluated to %d.", p.Centers/t.parameters.K)
	}
	if size := t.parameters.MiniBatchSize; size > p.Rows {
		t.log("WARNING", "Batch size %d is bigger than the first batch data. Effective batch size used to initialize is %d", size, p.Rows)
	}
	t.total, t.batches = p.Rows, 1
	t.times = append(t.times, metric{"initialize.time", milliseconds(t.now().Sub(t.stage))})
	t.dataMetrics(`"Meta": "init_train_data_iter"`, p.Rows, 1, 0)
}

func (t *training) epochEnded(p kmeans.Progress) {
	took := t.now().Sub(t.stage)
	t.total += p.Rows
	t.batches += p.Batches
	t.log("INFO", "processed a total of %d examples", p.Rows)
	t.log("INFO", "#progress_metric: host=%s, completed %.1f %% of epochs", t.config.host, 100*float64(p.Epoch+1)/float64(t.parameters.Epochs))
	t.dataMetrics(fmt.Sprintf(`"epoch": %d, "Meta": "training_data_iter"`, p.Epoch), p.Rows, p.Batches, p.Epoch+1)
	t.log("INFO", "#throughput_metric: host=%s, train throughput=%v records/second", t.config.host, float64(p.Rows)/max(took.Seconds(), 1e-6))
	if p.Epoch == 0 {
		t.times = append(t.times, metric{"epochs", float64(t.parameters.Epochs)}, metric{"update.time", milliseconds(took)})
	}
}

func (t *training) dataMetrics(dimensions string, rows, batches, resets int) {
	t.metrics(t.config.host, t.stage, t.now(), []string{dimensions},
		metric{"Total Records Seen", float64(t.total)}, metric{"Total Batches Seen", float64(t.batches)},
		metric{"Max Records Seen Between Resets", float64(rows)}, metric{"Max Batches Seen Between Resets", float64(batches)},
		metric{"Reset Count", float64(resets)},
		metric{"Number of Records Since Last Reset", float64(rows)}, metric{"Number of Batches Since Last Reset", float64(batches)})
}

// finished tells the loss as the built-in algorithm does: the mean square distance of the best
// reduction, over the extra centers, or of the last epoch's rows when there were none.
func (t *training) finished(p kmeans.Progress) {
	if t.parameters.ExtraCenterFactor == 1 {
		t.log("INFO", "No shrinking is required as extra_center_factor is 1.")
	}
	t.log("INFO", "finished shrinking process. Mean Square Distance = %.0f", p.Distance)
	t.log("INFO", "#quality_metric: host=%s, train msd <loss>=%v", t.config.host, p.Distance)
	t.times = append(t.times, metric{"finalize.time", milliseconds(t.now().Sub(t.stage))})
	t.metrics(t.config.host, t.start, t.now(), nil, t.times...)
}
