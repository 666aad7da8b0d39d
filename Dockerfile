# One image for every Llamero process; the command says which: api, worker or dispatcher.
#
# ENGINE says what it brings to run models: `all` (CPU, CUDA and Vulkan), `cpu`, or `none` for the API and the dispatcher, which load none.
FROM node:24.21.0-bookworm-slim AS install
ARG ENGINE=all
WORKDIR /app
COPY package.json package-lock.json ./
COPY apps ./apps
COPY packages ./packages
RUN npm install --global npm@11.19.1 \
 && npm ci --omit=dev --ignore-scripts \
 && npm cache clean --force \
 && case "$ENGINE" in \
      all) ;; \
      cpu) rm -rf node_modules/@node-llama-cpp/*-cuda* node_modules/@node-llama-cpp/*-vulkan* ;; \
      none) rm -rf node_modules/@node-llama-cpp node_modules/node-llama-cpp ;; \
      *) echo "ENGINE is all, cpu or none, not $ENGINE" >&2; exit 1 ;; \
    esac

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    MODELS_DIR=/models \
    LLAMERO_MODELS=/app/models/tiny/tiny.gguf
WORKDIR /app
COPY --from=install --chown=node:node /app ./
COPY --chown=node:node models ./models
RUN mkdir -p /models /files && chown node:node /models /files
USER node
EXPOSE 3000 9100
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "apps/cli/src/main.ts"]
CMD ["api"]
