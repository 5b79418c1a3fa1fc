// Records and events of the log as lines of text, for the commands that print them.
#pragma once

#include <string>

#include "codec/event.h"
#include "codec/record.h"
#include "storage/hole.h"

namespace headrace {

// Appends one record as a line of JSON, an event whole under "event".
Result<> append_record_line(uint32_t partition, const RecordView& record, std::string& out);

// Appends what is lost as a line of JSON, of kind "hole".
void append_hole_line(uint32_t partition, const Hole& hole, std::string& out);

// Appends one event as POST /api/events/batch takes it; of a tenant's, who that is stands in front.
inline constexpr std::string_view tenant_member = R"("tenant":)";
void append_event_line(const Event& event, std::string& out);

// The columns of CSV (RFC 4180) and one event in them. A cell that a spreadsheet would take for a formula (a leading
// = + - @, tab or carriage return) gets a quote ' in front.
inline constexpr std::string_view csv_columns =
    "event_id,event_type,timestamp,user_id,session_id,cart_id,source,tenant,ingested,data\r\n";
void append_event_cells(const Event& event, Micros ingested, std::string& out);

// As people and our JSON read it, in UTC.
std::string time_text(Micros time);

// Writes to stdout.
Result<> print(std::string_view text);

}  // namespace headrace
