# The agent as an image, from what deploy/release built: docker build -f deploy/container/agent.Dockerfile OUT
# The program is static but for the C library. NVIDIA's and AMD's libraries are the node's own, as the container
# runtime brings them in.
FROM debian:12-slim
COPY bin/wattest-agent /usr/bin/wattest-agent
ENTRYPOINT ["/usr/bin/wattest-agent"]
CMD ["run", "--data-dir", "/var/lib/wattest/agent"]
