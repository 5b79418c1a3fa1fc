// Sketch: how many different values there were. Exact up to limits::feature_sparse_max, then HyperLogLog.
//
//   sparse := a power of two of lines of 8 slots of 8 bytes, at most three quarters of them taken by hashes (never 0), each at
//             the first free slot of the line its low bits say, or of the next that has one: a row puts its sketches on lines
//             of cache, so that looking a hash up mostly costs one
//   dense  := 2^11 registers of one byte; a register holds the longest run of zeros, plus one, of its hashes
//
// HyperLogLog: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality
// estimation algorithm", AofA 2007. The exact start follows Heule, Nunkesser, Hall, "HyperLogLog in
// practice", EDBT 2013. The estimator, which needs no tables of corrections, is algorithm 6 of Ertl, "New
// cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284. Relative standard
// error: 1.04 / sqrt(2^11) = 2.3 %.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/rows.h"

namespace headrace::features {

inline constexpr unsigned sketch_precision = 11;
inline constexpr size_t sketch_registers = size_t{1} << sketch_precision;
inline constexpr uint32_t dense = UINT32_MAX;  // the count of a sketch that is no longer a list

// What a row's accumulator knows of its sketch.
struct SketchHead {
  uint32_t bytes = 0;
  uint32_t count = 0;
};
static_assert(sizeof(SketchHead) == 8);

// Adds `hash` to the sketch that begins at row[begin]; its head afterwards. Grows the row there where it
// must.
SketchHead sketch_add(uint64_t hash, size_t begin, SketchHead head, RowBytes& row);

// Asks memory for what adding `hash` will touch.
void sketch_expect(uint64_t hash, size_t begin, SketchHead head, const RowBytes& row);

double sketch_estimate(SketchHead head, const char* begin);

}  // namespace headrace::features
