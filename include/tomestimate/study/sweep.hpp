// SPDX-License-Identifier: Apache-2.0
// Running studies: every point, in order, on all threads, in memory that does not grow with points.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <tomestimate/study/study.hpp>

namespace tomestimate::study {

struct Shard {
  std::uint64_t index = 1;  // from 1
  std::uint64_t count = 1;
};

// CSV, or NumPy's .npy: an array of records, in which a varied value and the status are small
// integers; np.load again from the same open file gives what they stand for, an array each.
enum class RowFormat { csv, npy };

struct SweepOptions {
  std::string output;  // file, replaced when the sweep is complete; "" for standard output
  RowFormat format = RowFormat::csv;  // .npy takes a file
  unsigned threads = 1;
  Shard shard;
  bool resume = false;  // from what an interrupted run of the same sweep left
  Isa isa = best_isa();
  const std::atomic<bool>* stop = nullptr;     // checked between chunks
  std::function<void(const Space&)> recorded;  // called before the first point is evaluated
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct SweepResult {
  std::uint64_t points = 0;                        // evaluated, those before a resume included
  std::uint64_t rows = 0;                          // written
  std::map<std::string, std::uint64_t> no_design;  // points without numbers, by reason
  bool complete = false;
  bool resumable = false;  // of one that is not complete
};

// Streams the study: a column for each varied value, the study's columns, and a status, "ok" or why
// the point has no numbers: it is no design, or one of them is not finite. Points are in order of
// the axes, the last fastest; the same bytes for any number of threads and any instruction set.
// With `where` or an order, points without numbers have no row and are counted in the result.
//
// When stopped it leaves output + ".part" and ".state", and a later call with `resume` goes on: the
// finished file has the same bytes. Only one run at a time may have a .part file. A shard's file
// has a line of its own at the end, for merge. Throws std::runtime_error if a file can't be
// written, is being written by another run, or can't be resumed as it is damaged or of something
// else; then what was there stays as it was.
SweepResult sweep(const Study& study, const SweepOptions& options);

// Joins the files of all shards of one study into what one run would have written. Throws
// std::runtime_error if one is missing, doubled, of another study, or not as it was written.
void merge(const std::vector<std::string>& shards, const std::string& output);

// One row of a front, table or picture: a point and its column values in display units.
struct Found {
  std::uint64_t point;
  std::vector<double> values;
};

// Points that no other point beats in every objective, in order of points; of points equal in all
// objectives the first. The study must have objectives, and `space` be its space of all columns.
std::vector<Found> pareto(const Study& study, const Space& space, unsigned threads,
                          SweepResult& result);

// The points of a study that have numbers and meet `where`, in their order, in memory: all, or if
// there are more than `most` every n-th, so that no more than that are looked at. Order and limit
// of the study are not looked at.
std::vector<Found> spread_points(const Study& study, std::uint64_t most, unsigned threads);

// Calls use(first point, chunk) for points first .. last - 1, in order, computed on `threads`
// threads. Stops early if use returns false or *stop is set; returns the first point not used.
std::uint64_t for_each_chunk(const Space& space, std::uint64_t first, std::uint64_t last,
                             unsigned threads, Isa isa, const std::atomic<bool>* stop,
                             const std::function<bool(std::uint64_t, const Space::Chunk&)>& use);

}  // namespace tomestimate::study
