// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/sweep.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include <tomestimate/spec/file.hpp>
#include <tomestimate/study/csv.hpp>

namespace tomestimate::study {
namespace {

constexpr std::size_t chunk_points = 4096;

// ---- chunks on threads, used in order ----

// Runs make(worker, first, count) on all threads and use(first, made) in order of `first`, on the
// thread that made it: at most one chunk a thread is in memory.
template <class Made, class Make, class Use>
std::uint64_t in_order(const Space& space, std::uint64_t first, std::uint64_t last,
                       unsigned threads, Isa isa, const std::atomic<bool>* stop, Make make,
                       Use use) {
  std::mutex mutex;
  std::condition_variable turn_came;
  std::uint64_t next = first;  // to be taken
  std::uint64_t turn = first;  // to be used
  bool done = false;
  std::exception_ptr error;
  const auto run = [&] {
    Space::Worker worker(space, isa);
    Made made;
    for (;;) {
      std::uint64_t mine = 0;
      std::size_t count = 0;
      {
        const std::lock_guard lock(mutex);
        if (done || next >= last || (stop != nullptr && *stop)) return;
        mine = next;
        count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_points, last - mine));
        next += count;
      }
      try {
        make(worker, mine, count, made);
        std::unique_lock lock(mutex);
        turn_came.wait(lock, [&] { return turn == mine || error; });
        if (error) return;
        if (!done) done = !use(mine, made);
        turn = mine + count;
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        done = true;
      }
      turn_came.notify_all();
    }
  };
  std::vector<std::jthread> pool;
  for (unsigned t = 1; t < threads; ++t) pool.emplace_back(run);
  run();
  pool.clear();
  if (error) std::rethrow_exception(error);
  return turn;
}

// ---- rows ----

// Turns evaluated points into CSV rows.
class Rows {
 public:
  Rows(const Study& study, const Space& space) : study_(study), space_(space) {
    for (const auto& axis : space.axes()) {
      auto& texts = axis_texts_.emplace_back(axis.size());
      for (std::size_t i = 0; i < axis.size(); ++i)
        for (const auto& v : axis.members)
          texts[i] += (v.numbers.empty()
                           ? csv_cell(v.texts[i])
                           : fmt::format("{}", v.numbers[i] / unit_factor(v.parameter.unit))) +
                      ",";
    }
    for (const auto& c : study.columns) factors_.push_back(unit_factor(c.unit));
  }

  std::string header() const {
    std::string out;
    for (const auto& axis : space_.axes())
      for (const auto& v : axis.members)
        out += csv_cell(heading(v.parameter.path, v.numbers.empty() ? "" : v.parameter.unit)) + ",";
    for (const auto& c : study_.columns) out += csv_cell(heading(c.name, c.unit)) + ",";
    return out + "status\n";
  }

  // Whether point i of a chunk has a row.
  bool wanted(const Space::Chunk& chunk, std::size_t i) const {
    if (study_.where.empty()) return !study_.order || chunk.status[i] == 0;
    return chunk.status[i] == 0 && chunk.values[study_.columns.size()][i] != 0;
  }

  double value(const Space::Chunk& chunk, std::size_t column, std::size_t i) const {
    return chunk.values[column][i] / factors_[column];
  }

  void append(std::uint64_t point, const Space::Chunk& chunk, std::size_t i,
              fmt::memory_buffer& out) const {
    for (std::size_t a = 0; a < axis_texts_.size(); ++a)
      out.append(axis_texts_[a][space_.index(point, a)]);
    const bool good = chunk.status[i] == 0;
    for (std::size_t c = 0; c < factors_.size(); ++c) {
      if (good) fmt::format_to(std::back_inserter(out), "{}", value(chunk, c, i));
      out.push_back(',');
    }
    out.append(csv_cell(space_.reason(chunk.status[i])));
    out.push_back('\n');
  }

 private:
  const Study& study_;
  const Space& space_;
  std::vector<std::vector<std::string>> axis_texts_;
  std::vector<double> factors_;
};

// ---- files ----

// Where rows go: standard output, or a .part file that takes the name of the output at the end.
class Sink {
 public:
  explicit Sink(const std::string& output, bool keep) : output_(output) {
    if (output.empty()) return;
    // The state of an earlier run would not be true of the new file.
    if (!keep) std::filesystem::remove(state());
    file_ = std::fopen(part().c_str(), keep ? "r+b" : "wb");
    if (file_ == nullptr) fail("cannot be written");
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() {
    if (file_ != nullptr) std::fclose(file_);
  }

  std::string part() const { return output_ + ".part"; }
  std::string state() const { return output_ + ".state"; }
  std::uint64_t bytes() const { return bytes_; }

  void cut(std::uint64_t bytes) {
    if (std::filesystem::file_size(part()) < bytes)
      fail("is shorter than it was; run without --resume");
    if (ftruncate(fileno(file_), static_cast<off_t>(bytes)) != 0 ||
        std::fseek(file_, 0, SEEK_END) != 0)
      fail("cannot be cut to where it is whole");
    bytes_ = bytes;
  }

  void write(std::string_view text) {
    std::FILE* to = file_ == nullptr ? stdout : file_;
    if (std::fwrite(text.data(), 1, text.size(), to) != text.size()) fail("cannot be written");
    bytes_ += text.size();
  }

  void flush() {
    std::FILE* to = file_ == nullptr ? stdout : file_;
    if (std::fflush(to) != 0) fail("cannot be written");
    if (file_ != nullptr && fdatasync(fileno(file_)) != 0) fail("cannot be written");
  }

  void finish() {
    flush();
    if (file_ == nullptr) return;
    std::filesystem::rename(part(), output_);
    std::filesystem::remove(state());
  }

  void discard() {
    if (file_ != nullptr) std::filesystem::remove(part());
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(
        fmt::format("{}: {}", output_.empty() ? "standard output" : part(), what));
  }
  std::string output_;
  std::FILE* file_ = nullptr;
  std::uint64_t bytes_ = 0;
};

// What a stopped sweep knows beside its .part file, which is whole up to `bytes`.
struct State {
  std::uint64_t fingerprint, first, last, next, bytes;
  SweepResult result;
};

std::string to_text(const State& s) {
  auto out = fmt::format("tomestimate-sweep {:x} {} {} {} {} {}\n", s.fingerprint, s.first, s.last,
                         s.next, s.bytes, s.result.rows);
  for (const auto& [reason, count] : s.result.no_design)
    out += fmt::format("{} {}\n", count, reason);
  return out;
}

State read_state(const std::string& path, std::uint64_t fingerprint, std::uint64_t first,
                 std::uint64_t last) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": nothing to resume; run without --resume");
  State s{};
  std::string word;
  in >> word >> std::hex >> s.fingerprint >> std::dec >> s.first >> s.last >> s.next >> s.bytes >>
      s.result.rows;
  if (!in || word != "tomestimate-sweep")
    throw std::runtime_error(path + ": is damaged; run without --resume");
  if (s.fingerprint != fingerprint || s.first != first || s.last != last || s.next < first ||
      s.next > last)
    throw std::runtime_error(path +
                             ": is of another study or shard, or its specs have changed; run "
                             "without --resume");
  std::uint64_t count = 0;
  for (std::string reason; in >> count && in.get() && std::getline(in, reason);)
    s.result.no_design[reason] = count;
  return s;
}

std::string shard_line(const Study& study, const Shard& shard) {
  if (shard.count == 1) return "";
  const auto columns = study.columns.size();
  return fmt::format("# tomestimate-shard {} {} {:x} {} {} {}\n", shard.index, shard.count,
                     study.fingerprint,
                     study.order ? columns - study.order->column : 0,  // field, from the end
                     study.order && study.order->descending ? 1 : 0, study.limit);
}

// ---- a sweep ----

// An ordered row. Of equal keys the earlier point comes first.
struct Ranked {
  double key;
  std::uint64_t point;
  std::string row;
};

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

void count_status(const Space& space, const Space::Chunk& chunk, SweepResult& result) {
  result.points += chunk.status.size();
  std::array<std::uint64_t, 256> counts{};  // by status: no text is looked up for each point
  for (const auto s : chunk.status) ++counts[s];
  for (std::size_t s = 1; s < counts.size(); ++s)
    if (counts[s] != 0) result.no_design[space.reason(static_cast<std::uint8_t>(s))] += counts[s];
}

class Sweep {
 public:
  Sweep(const Study& study, const SweepOptions& options)
      : study_(study),
        options_(options),
        space_(study.specs, study.axes, study.formulas()),
        rows_(study, space_) {
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
    std::uint64_t start = first_;
    const bool resume = options_.resume && !options_.output.empty() && !study_.order;
    std::optional<State> state;  // read before the .part file is touched
    if (resume) state = read_state(options_.output + ".state", study_.fingerprint, first_, last_);
    Sink sink(options_.output, resume);
    if (state) {
      result_ = state->result;
      start = state->next;
      result_.points = start - first_;
      sink.cut(state->bytes);
    } else {
      sink.write(shard_line(study_, options_.shard) + rows_.header());
    }
    saved_ = std::chrono::steady_clock::now();
    const auto next = in_order<Made>(
        space_, start, last_, options_.threads, options_.isa, options_.stop,
        [this](auto& worker, std::uint64_t at, std::size_t count, Made& made) {
          make(worker, at, count, made);
        },
        [this, &sink](std::uint64_t at, Made& made) { return use(at, made, sink); });
    result_.complete = next == last_ || full();
    if (!result_.complete) return stopped(next, sink), result_;
    if (study_.order) write_ranked(sink);
    sink.finish();
    return result_;
  }

 private:
  bool full() const { return study_.limit != 0 && !study_.order && result_.rows >= study_.limit; }

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
      save_sometimes(at + made.chunk.status.size(), sink);
    }
    if (options_.progress)
      options_.progress(at + made.chunk.status.size() - first_, last_ - first_);
    return !full();
  }

  void rank(std::uint64_t at, const Made& made) {
    const auto& order = *study_.order;
    const auto better = [&order](const Ranked& a, const Ranked& b) {
      return before(a, b, order.descending);
    };
    std::size_t begin = 0;
    for (std::size_t r = 0; r < made.ends.size(); ++r) {
      const auto i = made.points[r];
      Ranked row{rows_.value(made.chunk, order.column, i), at + i, ""};
      const bool kept =
          study_.limit == 0 || ranked_.size() < study_.limit || better(row, ranked_.front());
      if (kept) {
        row.row.assign(made.text.data() + begin, made.ends[r] - begin);
        ranked_.push_back(std::move(row));
        std::push_heap(ranked_.begin(), ranked_.end(), better);
        if (study_.limit != 0 && ranked_.size() > study_.limit) {
          std::pop_heap(ranked_.begin(), ranked_.end(), better);
          ranked_.pop_back();
        }
      }
      begin = made.ends[r];
    }
  }

  void write_ranked(Sink& sink) {
    std::sort(ranked_.begin(), ranked_.end(), [this](const Ranked& a, const Ranked& b) {
      return before(a, b, study_.order->descending);
    });
    for (const auto& row : ranked_) sink.write(row.row);
    result_.rows = ranked_.size();
  }

  void save(std::uint64_t next, Sink& sink) {
    sink.flush();
    spec::write_file(sink.state(),
                     to_text({study_.fingerprint, first_, last_, next, sink.bytes(), result_}));
  }

  // So that even a run that is killed can go on from about a second before.
  void save_sometimes(std::uint64_t next, Sink& sink) {
    if (options_.output.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - saved_ < std::chrono::seconds(1)) return;
    save(next, sink);
    saved_ = now;
  }

  void stopped(std::uint64_t next, Sink& sink) {
    if (options_.output.empty()) return sink.flush();
    if (study_.order) return sink.discard();
    save(next, sink);
  }

  const Study& study_;
  const SweepOptions& options_;
  Space space_;
  Rows rows_;
  std::uint64_t first_ = 0, last_ = 0;
  SweepResult result_;
  std::vector<Ranked> ranked_;  // a heap, the worst kept row in front
  std::chrono::steady_clock::time_point saved_;
};

// ---- merging shards ----

struct ShardFile {
  std::string path;
  std::unique_ptr<std::ifstream> in;
  std::uint64_t index = 0, count = 0, fingerprint = 0, limit = 0;
  std::size_t field = 0;  // of the order's column, counted from the status backwards; 0 for none
  int descending = 0;
  std::string header;
  std::string row;  // the next one
  bool has_row = false;

  void next() { has_row = static_cast<bool>(std::getline(*in, row)); }

  double key() const {
    auto end = row.rfind(',');
    for (std::size_t i = 1; i < field; ++i) end = row.rfind(',', end - 1);
    const auto begin = row.rfind(',', end - 1) + 1;
    double value = 0;
    std::from_chars(row.data() + begin, row.data() + end, value);
    return value;
  }
};

ShardFile open_shard(const std::string& path) {
  ShardFile s;
  s.path = path;
  s.in = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*s.in) throw std::runtime_error(path + ": cannot be read");
  std::string line;
  std::getline(*s.in, line);
  std::istringstream words(line);
  std::string hash, mark;
  words >> hash >> mark >> s.index >> s.count >> std::hex >> s.fingerprint >> std::dec >> s.field >>
      s.descending >> s.limit;
  if (!words || hash != "#" || mark != "tomestimate-shard" || s.index < 1 || s.index > s.count)
    throw std::runtime_error(path + ": is not a shard that sweep --shard made");
  std::getline(*s.in, s.header);
  s.next();
  return s;
}

void check_shards(const std::vector<ShardFile>& shards) {
  const auto& a = shards.at(0);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto& s = shards[i];
    if (s.fingerprint != a.fingerprint || s.count != a.count || s.header != a.header)
      throw std::runtime_error(fmt::format("{} and {} are of different studies", a.path, s.path));
    if (i > 0 && s.index == shards[i - 1].index)
      throw std::runtime_error(fmt::format("{} and {} are both shard {} of {}", shards[i - 1].path,
                                           s.path, s.index, s.count));
    if (s.index != i + 1)
      throw std::runtime_error(fmt::format("shard {} of {} is missing", i + 1, s.count));
  }
  if (shards.size() != a.count)
    throw std::runtime_error(fmt::format("shard {} of {} is missing", shards.size() + 1, a.count));
}

// The shard whose row comes next; none if all are used up.
ShardFile* next_shard(std::vector<ShardFile>& shards) {
  ShardFile* best = nullptr;
  for (auto& s : shards) {
    if (!s.has_row) continue;
    if (s.field == 0) return &s;
    const double a = s.key();
    const double b = best == nullptr ? 0 : best->key();
    if (best == nullptr || (s.descending != 0 ? a > b : a < b)) best = &s;
  }
  return best;
}

// ---- Pareto front ----

class Front {
 public:
  explicit Front(const std::vector<Objective>& objectives) : objectives_(objectives) {}

  void add(Found&& found) {
    for (const auto& f : front_)
      if (no_worse(f, found)) return;  // beaten, or equal to an earlier point
    std::erase_if(front_, [&](const Found& f) { return no_worse(found, f); });
    front_.push_back(std::move(found));
  }

  std::vector<Found> take() { return std::move(front_); }

 private:
  bool no_worse(const Found& a, const Found& b) const {
    return std::all_of(objectives_.begin(), objectives_.end(), [&](const Objective& o) {
      const double x = a.values[o.column];
      const double y = b.values[o.column];
      return o.maximize ? x >= y : x <= y;
    });
  }

  const std::vector<Objective>& objectives_;
  std::vector<Found> front_;
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
  return Sweep(study, options).run();
}

void merge(const std::vector<std::string>& paths, const std::string& output) {
  std::vector<ShardFile> shards;
  for (const auto& path : paths) shards.push_back(open_shard(path));
  std::sort(shards.begin(), shards.end(),
            [](const ShardFile& a, const ShardFile& b) { return a.index < b.index; });
  check_shards(shards);
  Sink sink(output, false);
  try {
    sink.write(shards[0].header + "\n");
    const auto limit = shards[0].limit;
    std::uint64_t rows = 0;
    while (auto* s = next_shard(shards)) {
      if (limit != 0 && rows++ == limit) break;
      sink.write(s->row + "\n");
      s->next();
    }
    sink.finish();
  } catch (...) {
    sink.discard();
    throw;
  }
}

std::vector<Found> pareto(const Study& study, unsigned threads, SweepResult& result) {
  const Space space(study.specs, study.axes, study.formulas());
  const Rows rows(study, space);
  Front front(study.objectives);
  const auto candidate = [&](const Space::Chunk& chunk, std::uint64_t point, std::size_t i) {
    Found found{point, {}};
    for (std::size_t c = 0; c < study.columns.size(); ++c)
      found.values.push_back(rows.value(chunk, c, i));
    return found;
  };
  struct Local {
    Space::Chunk chunk;
    std::vector<Found> front;
  };
  in_order<Local>(
      space, 0, space.points(), threads, best_isa(), nullptr,
      [&](auto& worker, std::uint64_t at, std::size_t count, Local& local) {
        worker.evaluate(at, count, local.chunk);
        Front mine(study.objectives);
        for (std::size_t i = 0; i < count; ++i)
          if (local.chunk.status[i] == 0 && rows.wanted(local.chunk, i))
            mine.add(candidate(local.chunk, at + i, i));
        local.front = mine.take();
      },
      [&](std::uint64_t, Local& local) {
        count_status(space, local.chunk, result);
        for (auto& found : local.front) front.add(std::move(found));
        return true;
      });
  auto found = front.take();
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.point < b.point; });
  result.rows = found.size();
  result.complete = true;
  return found;
}

}  // namespace tomestimate::study
