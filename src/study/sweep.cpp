// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/sweep.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <fmt/format.h>

#include <tomestimate/spec/file.hpp>

#include "chunks.hpp"
#include "count_status.hpp"
#include "rows.hpp"
#include "shard.hpp"
#include "sink.hpp"
#include "state.hpp"

namespace tomestimate::study {
namespace {

bool before(const Ranked& a, const Ranked& b, bool descending) {
  if (a.key != b.key) return descending ? a.key > b.key : a.key < b.key;
  return a.point < b.point;
}

// Rows of one chunk, made on any thread.
struct Made {
  Space::Chunk chunk;
  fmt::memory_buffer text;
  std::vector<std::size_t> ends;    // of rows in text
  std::vector<std::size_t> points;  // of those rows, in the chunk
};

class Sweep {
 public:
  Sweep(const Study& study, const SweepOptions& options)
      : study_(study),
        options_(options),
        space_(study.specs, study.axes, study.formulas(), options.stop),
        rows_(study, space_, options.format),
        fingerprint_(hash(options.format == RowFormat::npy ? "npy" : "csv", study.fingerprint)) {
    const auto n = space_.points();
    const auto& shard = options.shard;
    // n * i / count, without the overflow of n * i.
    const auto edge = [&](std::uint64_t i) {
      return n / shard.count * i + n % shard.count * i / shard.count;
    };
    first_ = edge(shard.index - 1);
    last_ = edge(shard.index);
  }

  SweepResult run() {
    if (options_.recorded) options_.recorded(space_);
    std::uint64_t start = first_;
    const bool resume = options_.resume && !options_.output.empty();
    Sink sink(options_.output, rows_.head(0), resume);
    if (resume) start = go_on(sink);
    saved_ = std::chrono::steady_clock::now();
    const auto next = in_order<Made>(
        space_, start, last_, options_.threads, options_.isa, options_.stop,
        [this](auto& worker, std::uint64_t at, std::size_t count, Made& made) {
          make(worker, at, count, made);
        },
        [this, &sink](std::uint64_t at, Made& made) { return use(at, made, sink); });
    result_.complete = next == last_ || full();
    if (!result_.complete) return stopped(next, sink), result_;
    finish(sink);
    return result_;
  }

 private:
  bool full() const { return study_.limit != 0 && !study_.order && result_.rows >= study_.limit; }

  std::uint64_t go_on(Sink& sink) {
    auto state = read_state(sink.state(), fingerprint_, first_, last_);
    sink.go_on(state.bytes, state.sum);
    result_ = std::move(state.result);
    ranked_ = std::move(state.ranked);
    result_.points = state.next - first_;
    return state.next;
  }

  void make(Space::Worker& worker, std::uint64_t at, std::size_t count, Made& made) const {
    worker.evaluate(at, count, made.chunk);
    made.text.clear();
    made.ends.clear();
    made.points.clear();
    for (std::size_t i = 0; i < count; ++i) {
      if (!rows_.wanted(made.chunk, i)) continue;
      rows_.append(at + i, made.chunk, i, made.text);
      made.ends.push_back(made.text.size());
      made.points.push_back(i);
    }
  }

  bool use(std::uint64_t at, Made& made, Sink& sink) {
    count_status(space_, made.chunk, result_);
    auto rows = made.ends.size();
    if (study_.order) {
      rank(at, made);
    } else {
      if (study_.limit != 0) rows = std::min<std::size_t>(rows, study_.limit - result_.rows);
      if (rows > 0) sink.write({made.text.data(), made.ends[rows - 1]});
      result_.rows += rows;
    }
    save_sometimes(at + made.chunk.status.size(), sink);
    if (options_.progress)
      options_.progress(at + made.chunk.status.size() - first_, last_ - first_);
    return !full();
  }

  bool better(const Ranked& a, const Ranked& b) const {
    return before(a, b, study_.order->descending);
  }

  void rank(std::uint64_t at, const Made& made) {
    const auto in_front = [this](const Ranked& a, const Ranked& b) { return better(a, b); };
    std::size_t begin = 0;
    for (std::size_t r = 0; r < made.ends.size(); ++r) {
      const auto i = made.points[r];
      Ranked row{rows_.value(made.chunk, study_.order->column, i), at + i, ""};
      const bool kept =
          study_.limit == 0 || ranked_.size() < study_.limit || better(row, ranked_.front());
      if (kept) {
        row.row.assign(made.text.data() + begin, made.ends[r] - begin);
        ranked_.push_back(std::move(row));
        std::push_heap(ranked_.begin(), ranked_.end(), in_front);
        if (study_.limit != 0 && ranked_.size() > study_.limit) {
          std::pop_heap(ranked_.begin(), ranked_.end(), in_front);
          ranked_.pop_back();
        }
      }
      begin = made.ends[r];
    }
  }

  void write_ranked(Sink& sink) {
    std::sort(ranked_.begin(), ranked_.end(),
              [this](const Ranked& a, const Ranked& b) { return better(a, b); });
    for (const auto& row : ranked_) sink.write(row.row);
    result_.rows = ranked_.size();
  }

  void finish(Sink& sink) {
    if (study_.order) write_ranked(sink);
    const auto body = sink.bytes();
    rows_.tail([&sink](std::string_view text) { sink.write(text); });
    const auto head = rows_.head(result_.rows);
    const auto& shard = options_.shard;
    if (shard.count > 1) {
      ShardLine line{shard.index, shard.count, fingerprint_};
      if (study_.order) {
        line.key = study_.columns.size() - study_.order->column;
        line.descending = study_.order->descending;
      }
      line.limit = study_.limit;
      line.rows = result_.rows;
      line.head = head.size();
      line.row_bytes = rows_.row_bytes().value_or(0);
      line.body = body;
      line.tail = sink.bytes() - body;
      sink.write(line.text(checksum(head, sink.sum())));
    }
    sink.finish(head);
  }

  void save(std::uint64_t next, Sink& sink) {
    sink.flush();
    spec::write_file(sink.state(), to_text({fingerprint_, first_, last_, next, sink.bytes(),
                                            sink.sum(), result_, ranked_}));
    result_.resumable = true;
  }

  // So that even a run that is killed can go on from about a second before. A long state is saved
  // less often: that takes a tenth of the time at most.
  void save_sometimes(std::uint64_t next, Sink& sink) {
    if (!sink.keeps_state()) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - saved_ < std::max<std::chrono::nanoseconds>(std::chrono::seconds(1), 10 * saving_))
      return;
    save(next, sink);
    saved_ = std::chrono::steady_clock::now();
    saving_ = saved_ - now;
  }

  void stopped(std::uint64_t next, Sink& sink) {
    if (sink.keeps_state())
      save(next, sink);
    else
      sink.flush();
  }

  const Study& study_;
  const SweepOptions& options_;
  Space space_;
  Rows rows_;
  std::uint64_t fingerprint_;
  std::uint64_t first_ = 0, last_ = 0;
  SweepResult result_;
  std::vector<Ranked> ranked_;  // a heap, the worst kept row in front
  std::chrono::steady_clock::time_point saved_;
  std::chrono::nanoseconds saving_{0};
};

}  // namespace

std::uint64_t for_each_chunk(const Space& space, std::uint64_t first, std::uint64_t last,
                             unsigned threads, Isa isa, const std::atomic<bool>* stop,
                             const std::function<bool(std::uint64_t, const Space::Chunk&)>& use) {
  return in_order<Space::Chunk>(
      space, first, last, threads, isa, stop,
      [](auto& worker, std::uint64_t at, std::size_t count, Space::Chunk& chunk) {
        worker.evaluate(at, count, chunk);
      },
      use);
}

SweepResult sweep(const Study& study, const SweepOptions& options) {
  if (options.format == RowFormat::npy && options.output.empty())
    throw std::runtime_error("standard output: takes no .npy, whose head is written last");
  try {
    return Sweep(study, options).run();
  } catch (const Stopped&) {
    return {};
  }
}

}  // namespace tomestimate::study
