// StateRows: rows as entries of the state's tree of rows.   table:u8 key -> lsn:u64 bytes
#pragma once

#include "storage/rows.h"
#include "storage/state.h"

namespace headrace {

class StateRows final : public RowBacking {
 public:
  explicit StateRows(State& state) : state_(state) {}
  bool load(Row& row) override;
  void store(const Row& row) override;
  void each(uint8_t table, const std::function<void(std::string_view key)>& visit) override;

 private:
  std::string_view name(const Row& row);

  State& state_;
  std::string name_;
};

}  // namespace headrace
