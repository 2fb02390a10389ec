# The service without a store of its own: DATABASE_URL says where its Postgres is.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/contract/package.json packages/contract/
COPY packages/client/package.json packages/client/
COPY packages/cli/package.json packages/cli/
# The embedded Postgres is an optional dependency.
RUN npm ci --omit=optional --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
# npm links the workspace's packages, and may put what one of them needs into its own folder.
COPY --from=build /app/packages packages
COPY --from=build /app/dist dist
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["node", "dist/src/operate/is-ready.js"]
# Not npm: signals must reach the service.
CMD ["node", "dist/src/main.js"]
