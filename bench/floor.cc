// The floor: libuv and llhttp with a constant answer and nothing else. What the whole server is measured
// against.
//   floor PORT [LOOPS]
#include <llhttp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

const std::string answer =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: application/json\r\n"
    "Content-Length: 121\r\n\r\n"
    "{\"status\":\"success\",\"event_id\":\"evt_0123456789\",\"topic\":\"events.page_view\",\"partition\":1,"
    "\"offset\":123456789,\"time\":1234}\n";

struct Client {
  uv_tcp_t tcp;
  llhttp_t parser;
  uv_write_t write;
  std::string out;
  std::string rest;
};

thread_local std::vector<char> read_buffer(64 * 1024);
llhttp_settings_t settings;

void closed(uv_handle_t* handle) { delete static_cast<Client*>(handle->data); }
void close(Client* client) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&client->tcp);
  if (!uv_is_closing(handle)) uv_close(handle, closed);
}

int message_complete(llhttp_t* parser) {
  static_cast<Client*>(parser->data)->out += answer;
  return 0;
}

void allocate(uv_handle_t*, size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(read_buffer.data(), static_cast<unsigned>(read_buffer.size()));
}

void send(Client* client) {
  auto* stream = reinterpret_cast<uv_stream_t*>(&client->tcp);
  uv_buf_t buffer = uv_buf_init(client->out.data(), static_cast<unsigned>(client->out.size()));
  int sent = uv_try_write(stream, &buffer, 1);
  if (sent == static_cast<int>(client->out.size())) return client->out.clear();
  if (sent < 0 && sent != UV_EAGAIN) return close(client);
  client->rest = client->out.substr(sent > 0 ? static_cast<size_t>(sent) : 0);
  client->out.clear();
  buffer = uv_buf_init(client->rest.data(), static_cast<unsigned>(client->rest.size()));
  uv_write(&client->write, stream, &buffer, 1, [](uv_write_t*, int) {});
}

void read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  auto* client = static_cast<Client*>(stream->data);
  if (count == 0) return;
  if (count < 0) return close(client);
  if (llhttp_execute(&client->parser, buffer->base, static_cast<size_t>(count)) != HPE_OK)
    return close(client);
  if (!client->out.empty()) send(client);
}

void accept(uv_stream_t* server, int) {
  auto* client = new Client;
  uv_tcp_init(server->loop, &client->tcp);
  client->tcp.data = client;
  llhttp_init(&client->parser, HTTP_REQUEST, &settings);
  client->parser.data = client;
  if (uv_accept(server, reinterpret_cast<uv_stream_t*>(&client->tcp)) != 0) return close(client);
  uv_tcp_nodelay(&client->tcp, 1);
  uv_read_start(reinterpret_cast<uv_stream_t*>(&client->tcp), allocate, read);
}

void serve(int port) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  int socket = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", port, &address);
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("bind");
    std::exit(1);
  }
  uv_tcp_t listening;
  uv_tcp_init(&loop, &listening);
  uv_tcp_open(&listening, socket);
  uv_listen(reinterpret_cast<uv_stream_t*>(&listening), 1024, accept);
  uv_run(&loop, UV_RUN_DEFAULT);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: floor PORT [LOOPS]\n");
    return 2;
  }
  llhttp_settings_init(&settings);
  settings.on_message_complete = message_complete;
  std::vector<std::thread> threads;
  for (int i = 0; i < (argc > 2 ? std::atoi(argv[2]) : 1); ++i)
    threads.emplace_back(serve, std::atoi(argv[1]));
  for (auto& thread : threads) thread.join();
}
